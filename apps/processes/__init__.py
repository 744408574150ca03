"""Sagas, decisions and reconciliation."""
