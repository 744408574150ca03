"""The system-of-record matrix as a page: who owns which field, how it came to that, and what a change would touch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from django.db.models import Model, QuerySet
from django.urls import reverse

from apps.access.models import User
from apps.access.policy import may
from apps.billing.models import BillingMilestone, CreditMemo, Invoice, RevenueSchedule
from apps.billing.states import CreditMemoState, InvoiceState, MilestoneState, RevenueState
from apps.connectors.models import ConnectedSystem
from apps.contracts.models import Account, Contract
from apps.contracts.states import AccountState, ContractState
from apps.core import clock
from apps.events.models import InboxEvent
from apps.events.states import EventState
from apps.exceptions.models import ExceptionCase
from apps.exceptions.states import LIVE_STATES
from apps.governance.models import EVERY_FIELD, SystemOfRecordRule
from apps.governance.states import RuleState, SystemKind
from apps.projects.models import Project, ProjectTask
from apps.projects.states import ProjectState, TaskState
from apps.workbench.queue import person_name, role_title
from apps.workbench.words import spoken

ALL_FIELDS = "all"
UNDER_WAY = (RuleState.DRAFT, RuleState.TESTED, RuleState.APPROVED)
POLICIES = {
    "reject": "Not taken over, a case tells",
    "flag": "Taken over, a case tells",
    "overwrite": "The owner's value goes back",
}
# Objects that the door guards, and the states in which one of them is over.
_OPEN: Mapping[str, tuple[type[Model], tuple[str, ...]]] = {
    "account": (Account, (AccountState.MERGED, AccountState.INACTIVE)),
    "contract": (Contract, (ContractState.COMPLETED, ContractState.TERMINATED)),
    "project": (Project, (ProjectState.CLOSED, ProjectState.CANCELLED)),
    "project_task": (ProjectTask, (TaskState.COMPLETED, TaskState.CANCELLED)),
    "milestone": (BillingMilestone, (MilestoneState.SETTLED, MilestoneState.CANCELLED)),
    "invoice": (Invoice, (InvoiceState.PAID, InvoiceState.CREDITED, InvoiceState.VOIDED)),
    "credit_memo": (CreditMemo, (CreditMemoState.APPLIED, CreditMemoState.VOIDED)),
    "revenue_schedule": (RevenueSchedule, (RevenueState.REVISED, RevenueState.COMPLETED)),
}
_KIND_WORDS = {"esign": "E-sign", "tax": "Tax"}
_SHOWN_KINDS = (SystemKind.CRM, SystemKind.CPQ, SystemKind.ESIGN, SystemKind.PSA, SystemKind.ERP, SystemKind.TAX)


class Cell(NamedTuple):
    """What systems of one kind may do to a field."""

    kind: str
    word: str
    tone: str


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One live rule as a row of the matrix."""

    url: str
    object: str
    field: str
    cells: Sequence[Cell]
    owner: str
    pattern: str
    policy: str
    steward: str
    revision: int
    pending: str


@dataclass(frozen=True, slots=True)
class RevisionLine:
    """One revision of a rule."""

    id: str
    url: str
    revision: int
    state: str
    owner: str
    policy: str
    others_may_fill: bool
    effective_from: date | None
    proposed_by: str
    approved_by: str
    reason: str
    version: int


@dataclass(frozen=True, slots=True)
class Impact:
    """What a change of a rule touches now, and what would have been treated by it lately."""

    objects: int | None
    waiting_events: int
    open_cases: int
    breaches_30_d: int


def domains() -> list[tuple[str, list[RuleLine]]]:
    """The live matrix by domain, with the change that is under way for a field. One query."""
    rows = SystemOfRecordRule.objects.filter(state__in=[RuleState.LIVE, *UNDER_WAY])
    live: list[SystemOfRecordRule] = []
    pending: dict[tuple[str, str], str] = {}
    for row in rows.order_by("domain", "object", "field", "revision"):
        if row.state == RuleState.LIVE:
            live.append(row)
        else:
            pending[row.object, row.field] = row.state
    found: dict[str, list[RuleLine]] = {}
    for row in live:
        found.setdefault(spoken(row.domain), []).append(_line(row, pending.get((row.object, row.field), "")))
    return list(found.items())


def kinds_shown() -> list[str]:
    """The columns of the matrix."""
    return [_KIND_WORDS.get(kind, kind.upper()) for kind in _SHOWN_KINDS]


def waiting_changes() -> list[RevisionLine]:
    """Changes under way, the latest first. One query."""
    rows = SystemOfRecordRule.objects.filter(state__in=UNDER_WAY).order_by("-created_at")[:50]
    return [revision_line(row) for row in rows]


def revisions(object_name: str, field: str) -> list[SystemOfRecordRule]:
    """Every revision of a rule, the newest first. One query."""
    return list(SystemOfRecordRule.objects.filter(object=object_name, field=field).order_by("-revision"))


def revision_line(row: SystemOfRecordRule) -> RevisionLine:
    """One revision, ready to be shown."""
    return RevisionLine(
        id=row.pk,
        url=reverse("workbench:rule_change", args=[row.pk]),
        revision=row.revision,
        state=row.state,
        owner=row.owner.upper(),
        policy=POLICIES.get(row.conflict_policy, row.conflict_policy),
        others_may_fill=row.others_may_fill,
        effective_from=row.effective_from,
        proposed_by=person_name(row.proposed_by),
        approved_by=person_name(row.approved_by),
        reason=row.reason,
        version=row.version,
    )


def compared(old: SystemOfRecordRule | None, new: SystemOfRecordRule) -> list[tuple[str, str, str]]:
    """(what, before, after) of all that a revision says otherwise than `old`."""
    fields = ("owner", "conflict_policy", "others_may_fill", "pattern", "direction", "priority", "steward", "approvers")
    rows = [(spoken(name), _said(old, name), _said(new, name)) for name in fields]
    return [row for row in rows if row[1] != row[2]]


def impact_of(row: SystemOfRecordRule, *, before: SystemOfRecordRule | None) -> Impact:
    """What the change touches. Four queries."""
    kinds = {row.owner, before.owner if before else row.owner}
    systems = ConnectedSystem.objects.filter(kind__in=kinds).values("code")
    told = ExceptionCase.objects.filter(kind="not_system_of_record", subject_type__in=["", row.object])
    if row.field != EVERY_FIELD:
        told = told.filter(field__in=[row.field, f"{row.object}.{row.field}"])
    return Impact(
        objects=_open_objects(row.object),
        waiting_events=InboxEvent.objects.filter(state=EventState.RECEIVED, system__in=systems).count(),
        open_cases=told.filter(state__in=LIVE_STATES).count(),
        breaches_30_d=told.filter(last_seen__gte=clock.now() - timedelta(days=30)).count(),
    )


def hindrance(row: SystemOfRecordRule, *, user: User) -> str:
    """Why this person may not approve the change; empty when they may."""
    if row.proposed_by == user.actor.key:
        return "You proposed it yourself; somebody else must approve it."
    if not may(user, "rules.approve"):
        return "Your role does not approve rules (rules.approve)."
    if row.approvers and not set(row.approvers) & set(user.roles):
        return f"It is approved by: {approvers_of(row)}."
    return ""


def approvers_of(row: SystemOfRecordRule) -> str:
    """The roles that may approve, in words."""
    return ", ".join(role_title(role) for role in row.approvers) or "Anybody who may approve rules"


def field_in_url(field: str) -> str:
    """`*` is not fit for an address."""
    return ALL_FIELDS if field == EVERY_FIELD else field


def field_of(word: str) -> str:
    """The field an address means."""
    return EVERY_FIELD if word == ALL_FIELDS else word


def _line(row: SystemOfRecordRule, pending: str) -> RuleLine:
    return RuleLine(
        url=reverse("workbench:rule", args=[row.object, field_in_url(row.field)]),
        object=row.object,
        field=row.field,
        cells=[_cell(row, kind) for kind in _SHOWN_KINDS],
        owner=row.owner.upper(),
        pattern=row.pattern,
        policy=POLICIES.get(row.conflict_policy, row.conflict_policy),
        steward=role_title(row.steward),
        revision=row.revision,
        pending=pending,
    )


def _cell(row: SystemOfRecordRule, kind: str) -> Cell:
    if row.owner == kind:
        return Cell(kind, "owns", "ok")
    if row.conflict_policy == "flag":
        return Cell(kind, "may, told", "warn")
    return Cell(kind, "may fill", "neutral") if row.others_may_fill else Cell(kind, "reads", "")


def _said(row: SystemOfRecordRule | None, name: str) -> str:
    if row is None:
        return "no rule"
    value = getattr(row, name)
    if name == "conflict_policy":
        return POLICIES.get(value, value)
    if name == "owner":
        return str(value).upper()
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(role_title(one) for one in value) if isinstance(value, list) else str(value)


def _open_objects(name: str) -> int | None:
    if name not in _OPEN:
        return None
    model, over = _OPEN[name]
    rows: QuerySet[Model] = model._default_manager.exclude(state__in=over)
    return rows.count()
