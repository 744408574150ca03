"""Fixtures that bring up a real part for the whole test run."""
