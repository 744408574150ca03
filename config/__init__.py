"""Wiring of the running system; no business words."""
