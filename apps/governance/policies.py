"""Which role must approve: the most particular policy whose threshold the amount reaches. Pure over loaded policies."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from apps.governance.live import live_rows
from apps.governance.models import ApprovalPolicy

# Where nobody wrote a policy, the strictest reading holds; nothing goes through for want of a rule.
WITHOUT_POLICY = "finance_controller"


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """One live policy. Empty entity or currency: any."""

    kind: str
    role: str
    entity: str = ""
    currency: str = ""
    threshold: Decimal = Decimal(0)


def policies_now() -> tuple[ApprovalRule, ...]:
    """The live policies, kept in memory until one of them changes. One small query."""
    return live_rows(ApprovalPolicy, _read)


def required_role(
    policies: Sequence[ApprovalRule], *, kind: str, entity: str = "", amount: Decimal | None = None, currency: str = ""
) -> str:
    """The role that must approve; empty where a policy says that nobody has to.

    Of the policies that fit, a policy for the entity beats one for any, then one for the currency beats one for
    any, then the highest threshold not above the amount counts. A credit is as large as its absolute amount.
    """
    size = abs(amount) if amount is not None else Decimal(0)
    fitting = [
        rule
        for rule in policies
        if rule.kind == kind
        and rule.entity in ("", entity)
        and rule.currency in ("", currency)
        and rule.threshold <= size
    ]
    if not fitting:
        return WITHOUT_POLICY
    return max(fitting, key=lambda rule: (rule.entity != "", rule.currency != "", rule.threshold)).role


def _read(row: ApprovalPolicy) -> ApprovalRule:
    return ApprovalRule(row.kind, row.role, row.entity, row.currency, row.threshold)
