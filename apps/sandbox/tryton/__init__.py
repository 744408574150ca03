"""A real Tryton ERP for the demo and the tests: installed, built, provisioned and started from here."""
