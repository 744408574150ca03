"""Tryton 8: writes over JSON-RPC, reads over REST, changes by polling."""
