"""Tests of the canonical room."""
