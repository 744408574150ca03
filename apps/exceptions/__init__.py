"""Cases: every failure with an owner, a due time and the decisions allowed."""
