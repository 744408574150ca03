"""The only room that opens a socket to another system."""
