"""Any system that speaks signed CloudEvents: tax, PSA, staffing, documents."""
