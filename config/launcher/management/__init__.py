"""Commands of the launcher."""
