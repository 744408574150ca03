"""Activations as a queue: projects that are not active yet, what each waits for, and for whom."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Count, Q, QuerySet
from django.urls import reverse

from apps.access.models import User
from apps.access.policy import entities, for_user
from apps.access.roles import approves_as
from apps.exceptions.queries import visible_cases
from apps.exceptions.states import LIVE_STATES
from apps.governance.models import Approval
from apps.governance.states import ApprovalState
from apps.projects.models import Project
from apps.projects.states import BEFORE_ACTIVE, ProjectState
from apps.workbench.keyset import Key
from apps.workbench.queue import Tab, role_title
from apps.workbench.words import spoken

ORDER = (Key("created_at"), Key("id"))
VIEWS = {
    "mine": "Waiting for me",
    "waiting": "Needs approval",
    "checking": "Being checked",
    "setup": "Being set up",
    "returned": "Returned to sales",
    "all": "All",
}


@dataclass(frozen=True, slots=True)
class ActivationLine:
    """One project on its way to be active."""

    id: str
    url: str
    name: str
    customer: str
    entity: str
    amount: Decimal
    currency: str
    state: str
    waiting_on: str
    case: int | None
    requested_at: datetime


def visible_projects(user: User) -> QuerySet[Project]:
    """The projects of the user's legal entities."""
    return for_user(Project.objects.all(), user, field="legal_entity")


def activations(user: User, *, view: str) -> QuerySet[Project]:
    """The projects of one view, with contract and customer."""
    rows = visible_projects(user).filter(state__in=BEFORE_ACTIVE).select_related("contract__account")
    return rows.filter(_in_view(user)[view])


def tabs(user: User, *, view: str) -> list[Tab]:
    """Every view with its count. One query."""
    counts = (
        visible_projects(user)
        .filter(state__in=BEFORE_ACTIVE)
        .aggregate(**{name: Count("pk", filter=condition) for name, condition in _in_view(user).items() if name != "all"}, all=Count("pk"))
    )  # fmt: skip
    return [Tab(label, name, str(counts[name]), current=name == view) for name, label in VIEWS.items()]


def lines(projects: Sequence[Project], *, user: User) -> list[ActivationLine]:
    """One page as lines. Two queries: who is asked, and what is stuck."""
    ids = [project.pk for project in projects]
    asked: dict[str, list[str]] = {}
    for subject, role in Approval.objects.filter(
        subject_id__in=ids, state=ApprovalState.REQUESTED
    ).values_list("subject_id", "role"):  # fmt: skip
        asked.setdefault(subject, []).append(role_title(role))
    cases = dict(
        visible_cases(user)
        .filter(subject_id__in=ids, state__in=LIVE_STATES)
        .order_by("-due_at")
        .values_list("subject_id", "pk")
    )
    return [_line(project, asked, cases) for project in projects]


def waits_for(user: User) -> Q:
    """Requested approvals that this person has the role and the entity to decide, and did not ask for themself."""
    scope = entities(user)
    mine = Q(state=ApprovalState.REQUESTED, role__in=sorted(approves_as(user.roles))) & ~Q(requested_by=user.actor.key)
    return mine if scope is None else mine & Q(entity__in=sorted(scope - {""}))


def _in_view(user: User) -> dict[str, Q]:
    asked = Approval.objects.filter(waits_for(user), subject_type="project").values("subject_id")
    return {
        "mine": Q(state=ProjectState.AWAITING_APPROVAL, pk__in=asked),
        "waiting": Q(state=ProjectState.AWAITING_APPROVAL),
        "checking": Q(state__in=[ProjectState.REQUESTED, ProjectState.VALIDATED]),
        "setup": Q(state=ProjectState.PROVISIONING),
        "returned": Q(state=ProjectState.RETURNED),
        "all": Q(),
    }


def _line(project: Project, asked: Mapping[str, Iterable[str]], cases: Mapping[str, int]) -> ActivationLine:
    account = project.contract.account
    return ActivationLine(
        id=project.pk,
        url=reverse("workbench:activation", args=[project.pk]),
        name=project.name,
        customer=account.name if account else "",
        entity=project.legal_entity,
        amount=project.budget,
        currency=project.currency,
        state=project.state,
        waiting_on=_waiting_on(project, asked.get(project.pk, ())),
        case=cases.get(project.pk),
        requested_at=project.created_at,
    )


def _waiting_on(project: Project, roles: Iterable[str]) -> str:
    if wanted := sorted(set(roles)):
        return ", ".join(wanted)
    if project.state == ProjectState.RETURNED:
        return "Sales, to change the contract"
    return "" if project.state == ProjectState.PROVISIONING else spoken(project.state)
