"""Rules people edit: ownership, quality, approvals, crosswalk."""
