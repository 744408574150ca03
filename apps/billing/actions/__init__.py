"""Every write, by noun."""
