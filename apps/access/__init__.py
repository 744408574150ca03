"""People, their roles and what they may see, do and approve."""
