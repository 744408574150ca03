"""The vendors Tieout cannot reach, served on their own wire protocols by one process of their own."""
