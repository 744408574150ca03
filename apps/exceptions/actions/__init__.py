"""Every write on cases: sets for the engine, single rows for people."""
