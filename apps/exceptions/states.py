"""Words of the case's lifecycle; safe for every upper floor to import."""

from django.db import models


class CaseState(models.TextChoices):
    """What a person is doing about it."""

    OPEN = "open"
    ASSIGNED = "assigned"
    RESOLVING = "resolving"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"


class Family(models.TextChoices):
    """What went wrong, in six families."""

    DATA = "data"
    MAPPING = "mapping"
    OWNERSHIP = "ownership"
    REMOTE = "remote"
    FLOW = "flow"
    MONEY = "money"


class Severity(models.TextChoices):
    """How bad it is while nobody acts."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


# Somebody still has to act on these.
LIVE_STATES = (CaseState.OPEN, CaseState.ASSIGNED, CaseState.RESOLVING)

MOVES = (
    (CaseState.OPEN, CaseState.ASSIGNED),
    (CaseState.ASSIGNED, CaseState.ASSIGNED),
    (CaseState.RESOLVING, CaseState.ASSIGNED),
    (CaseState.ASSIGNED, CaseState.OPEN),
    (CaseState.RESOLVING, CaseState.OPEN),
    (CaseState.OPEN, CaseState.RESOLVING),
    (CaseState.ASSIGNED, CaseState.RESOLVING),
    *((state, CaseState.RESOLVED) for state in LIVE_STATES),
    *((state, CaseState.DISMISSED) for state in LIVE_STATES),
    (CaseState.RESOLVED, CaseState.OPEN),
    (CaseState.DISMISSED, CaseState.OPEN),
)
