"""What `make run` does: prepare every part once, then keep all of them running."""
