"""Inbox, outbox and streams."""
