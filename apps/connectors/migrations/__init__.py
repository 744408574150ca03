"""Migrations of the connected systems."""
