"""What Tieout promises, as tests."""
