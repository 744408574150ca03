"""What `make bench` measures, and the peers beside it."""
