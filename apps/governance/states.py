"""Words of the lifecycles of rules and approvals; safe for every upper floor to import."""

from django.db import models


class RuleState(models.TextChoices):
    """How far a rule, mapping or policy has come; only a live one counts."""

    DRAFT = "draft"
    TESTED = "tested"
    APPROVED = "approved"
    LIVE = "live"
    RETIRED = "retired"


RULE_MOVES = (
    (RuleState.DRAFT, RuleState.TESTED),
    (RuleState.TESTED, RuleState.DRAFT),
    (RuleState.APPROVED, RuleState.DRAFT),
    (RuleState.TESTED, RuleState.APPROVED),
    (RuleState.APPROVED, RuleState.LIVE),
    *((state, RuleState.RETIRED) for state in (RuleState.DRAFT, RuleState.TESTED, RuleState.APPROVED, RuleState.LIVE)),
)


class ApprovalState(models.TextChoices):
    """Where an approval stands."""

    REQUESTED = "requested"
    GRANTED = "granted"
    REFUSED = "refused"
    VOIDED = "voided"


APPROVAL_MOVES = (
    (ApprovalState.REQUESTED, ApprovalState.GRANTED),
    (ApprovalState.REQUESTED, ApprovalState.REFUSED),
    (ApprovalState.REQUESTED, ApprovalState.VOIDED),
    (ApprovalState.GRANTED, ApprovalState.VOIDED),
    (ApprovalState.REFUSED, ApprovalState.REQUESTED),
    (ApprovalState.VOIDED, ApprovalState.REQUESTED),
)


class SystemKind(models.TextChoices):
    """Which kind of system may own a field; the connected system of that kind speaks for it."""

    CRM = "crm"
    CPQ = "cpq"
    ESIGN = "esign"
    PSA = "psa"
    TIME = "time"
    ERP = "erp"
    TAX = "tax"
    REVENUE = "revenue"
    TIEOUT = "tieout"


class Policy(models.TextChoices):
    """What happens to a write by a system that does not own the field."""

    REJECT = "reject"
    FLAG = "flag"
    OVERWRITE = "overwrite"


class Direction(models.TextChoices):
    """Which way a field travels, seen from its owner."""

    OUT = "out"
    BOTH = "both"


class Gate(models.TextChoices):
    """Before what a quality rule is asked."""

    CONTRACT = "contract"
    PROJECT = "project"
    INVOICE = "invoice"


class Strictness(models.TextChoices):
    """Whether a broken quality rule stops the story or only warns."""

    STOP = "stop"
    WARN = "warn"
