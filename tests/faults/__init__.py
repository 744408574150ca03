"""Kill, freeze, starve: afterwards every promise holds, in our tables and in the vendor's ledger."""
