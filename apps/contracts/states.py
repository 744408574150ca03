"""The lifecycles of accounts and contracts."""

from django.db.models import TextChoices


class AccountState(TextChoices):
    PROSPECT = "prospect", "Prospect"
    ACTIVE = "active", "Active"
    ON_HOLD = "on_hold", "On hold"
    MERGED = "merged", "Merged"
    INACTIVE = "inactive", "Inactive"


ACCOUNT_MOVES = (
    ("prospect", "active"),
    ("active", "on_hold"),
    ("on_hold", "active"),
    ("active", "merged"),
    ("active", "inactive"),
)


class ContractState(TextChoices):
    DRAFT = "draft", "Draft"
    PENDING_APPROVAL = "pending_approval", "Pending approval"
    APPROVED = "approved", "Approved"
    ACTIVE = "active", "Active"
    SUSPENDED = "suspended", "Suspended"
    COMPLETED = "completed", "Completed"
    TERMINATED = "terminated", "Terminated"


CONTRACT_MOVES = (
    ("draft", "pending_approval"),
    ("pending_approval", "approved"),
    ("approved", "active"),
    ("active", "suspended"),
    ("suspended", "active"),
    ("active", "completed"),
    ("suspended", "terminated"),
    ("active", "terminated"),
    ("approved", "terminated"),
)
