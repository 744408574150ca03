"""The ground: errors, money, clock, ids and correlation; no tables and no business words."""
