"""Key figures."""
