"""Append-only record of every state that moved."""
