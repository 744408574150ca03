"""The queue of cases: its tabs, filters and orders, and what one line shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import django_filters
from django import forms
from django.db.models import Count, Q, QuerySet, Sum
from django.http import QueryDict
from django.urls import reverse

from apps.access.models import User
from apps.access.policy import for_user
from apps.access.roles import Role
from apps.core import clock
from apps.core.money import Money
from apps.exceptions.models import ExceptionCase
from apps.exceptions.states import LIVE_STATES, CaseState, Family, Severity
from apps.workbench.keyset import Key
from apps.workbench.words import spoken

Cases = QuerySet[ExceptionCase]

ORDERS: dict[str, tuple[Key, ...]] = {
    "due": (Key("due_at"), Key("amount", descending=True), Key("id")),
    # Amounts of different currencies have no order; each currency is a block of its own.
    "money": (Key("currency"), Key("amount", descending=True), Key("id")),
    "last_seen": (Key("last_seen", descending=True), Key("id")),
}
ORDER_LABELS = {"due": "due time, then money", "money": "money at risk", "last_seen": "last seen"}

STATES = [("", "Open"), ("all", "All"), *CaseState.choices]
OWNERS = [("", "Anybody"), ("mine", "Me"), ("team", "My team"), ("unassigned", "Nobody")]


class CaseFilter(django_filters.FilterSet):
    """The filters of the queue; the address holds them, so a link shows the same list to a colleague."""

    q = django_filters.CharFilter(method="filter_words", label="Any id or word")
    state = django_filters.ChoiceFilter(choices=STATES[1:], method="filter_state", label="State", empty_label="Open")
    severity = django_filters.ChoiceFilter(choices=Severity.choices, label="Severity", empty_label="Any")
    family = django_filters.ChoiceFilter(choices=Family.choices, label="Family", empty_label="Any")
    entity = django_filters.ChoiceFilter(label="Legal entity", empty_label="Any")
    system = django_filters.ChoiceFilter(label="System", empty_label="Any")
    owner = django_filters.ChoiceFilter(
        choices=OWNERS[1:], method="filter_owner", label="Looked after by", empty_label="Anybody"
    )
    overdue = django_filters.BooleanFilter(method="filter_overdue", label="Overdue only", widget=forms.CheckboxInput)
    group = django_filters.CharFilter(field_name="fingerprint", widget=forms.HiddenInput, label="Same cause")

    class Meta:
        model = ExceptionCase
        fields: list[str] = []

    def __init__(self, *args: Any, user: User, places: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        self.form.fields["entity"].choices = _choices(entity for entity, _ in places)
        self.form.fields["system"].choices = _choices(system for _, system in places)

    def filter_queryset(self, queryset: Cases) -> Cases:
        """Open cases, unless another state is asked for."""
        found = super().filter_queryset(queryset)
        return found if self.form.cleaned_data.get("state") else found.filter(state__in=LIVE_STATES)

    def filter_state(self, queryset: Cases, name: str, value: str) -> Cases:
        return queryset if value == "all" else queryset.filter(state=value)

    def filter_owner(self, queryset: Cases, name: str, value: str) -> Cases:
        return queryset.filter(_OWNED[value](self.user))

    def filter_overdue(self, queryset: Cases, name: str, value: bool) -> Cases:
        return queryset.filter(due_at__lt=clock.now(), state__in=LIVE_STATES) if value else queryset

    def filter_words(self, queryset: Cases, name: str, value: str) -> Cases:
        words = value.strip().replace("\x00", "")
        exact = Q(subject_id__iexact=words) | Q(reference=words) | Q(correlation_id=words) | Q(run_id=words)
        if (number := words.upper().removeprefix("EXC-")).isascii() and number.isdigit() and len(number) < 10:
            exact |= Q(pk=int(number))
        return queryset.filter(
            exact
            | Q(title__icontains=words)
            | Q(cause__icontains=words)
            | Q(code__icontains=words)
            | Q(stream_key__icontains=words)
        )


_OWNED = {
    "mine": lambda user: Q(assigned_to=user.actor.key),
    "team": lambda user: Q(owner_role__in=user.roles),
    "unassigned": lambda user: Q(assigned_to=""),
}


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One line of the queue, ready to be shown."""

    number: str
    url: str
    title: str
    cause: str
    subject: str
    severity: str
    state: str
    entity: str
    money: Money | None
    place: str
    owner: str
    person: str
    attempts: int
    occurrences: int
    group: int
    group_url: str
    blocked: int
    last_seen: datetime
    due_at: datetime
    is_open: bool


@dataclass(frozen=True, slots=True)
class Tab:
    """One ready-made view of the queue."""

    label: str
    query: str
    count: int
    current: bool = False


class Chip(NamedTuple):
    """One filter in use; the address shows the list without it."""

    label: str
    url: str


_NOT_FILTERS = frozenset({"sort", "after", "before", "view"})


def visible_cases(user: User) -> Cases:
    """The cases of the user's legal entities."""
    return for_user(ExceptionCase.objects.all(), user)


def places_of(cases: Cases) -> list[tuple[str, str]]:
    """(entity, system) of every visible case: what the filters offer."""
    return list(cases.order_by().values_list("entity", "system").distinct()[:500])


def at_risk(cases: Cases) -> list[Money]:
    """Money at risk of these cases, one sum per currency; currencies are never added up."""
    sums = cases.filter(amount__isnull=False).order_by("currency").values_list("currency").annotate(Sum("amount"))
    return [Money(amount, currency) for currency, amount in sums]


def tabs(cases: Cases, *, user: User, chosen: Mapping[str, str]) -> list[Tab]:
    """The ready-made views with their counts. One query."""
    conditions = {
        "open": Q(),
        "needs_triage": Q(state=CaseState.OPEN),
        "mine": Q(assigned_to=user.actor.key),
        "overdue": Q(due_at__lt=clock.now()),
        "regressed": Q(regressed=True),
    }
    counts = cases.filter(state__in=LIVE_STATES).aggregate(
        **{name: Count("id", filter=c) for name, c in conditions.items()}
    )
    ready: tuple[tuple[str, str, dict[str, str]], ...] = (
        ("Open", "open", {}),
        ("Needs triage", "needs_triage", {"state": "open"}),
        ("Mine", "mine", {"owner": "mine"}),
        ("Overdue", "overdue", {"overdue": "on"}),
    )
    return [
        Tab(label, "&".join(f"{k}={v}" for k, v in query.items()), counts[name], current=dict(chosen) == query)
        for label, name, query in ready
    ]


def chosen(query: QueryDict) -> dict[str, str]:
    """The filters of an address, without order and page."""
    return {name: value for name, value in query.items() if value and name not in _NOT_FILTERS}


def chips(form: forms.Form, query: QueryDict) -> list[Chip]:
    """Each filter in use, in words, with the address of the list without it."""
    found = []
    for name, value in chosen(query).items():
        if name in form.fields:
            rest = query.copy()
            for gone in (name, "after", "before"):
                rest.pop(gone, None)
            label = str(form.fields[name].label)
            words = dict(getattr(form.fields[name], "choices", [])).get(value, value)
            found.append(Chip(label if name == "overdue" else f"{label}: {words}", f"?{rest.urlencode()}"))
    return found


def lines(cases: Sequence[ExceptionCase], *, visible: Cases) -> list[CaseLine]:
    """The rows of one page as lines. One query, for the sizes of their groups."""
    prints = {case.fingerprint for case in cases}
    sizes = dict(
        visible.filter(fingerprint__in=prints, state__in=LIVE_STATES)
        .order_by()
        .values_list("fingerprint")
        .annotate(size=Count("id"))
    )
    return [_line(case, sizes.get(case.fingerprint, 0)) for case in cases]


def person_name(actor_key: str) -> str:
    """The name in an actor's key, ``anna`` of ``person:anna``."""
    return actor_key.partition(":")[2] or actor_key


def role_title(role: str) -> str:
    """A role as screens say it."""
    return Role(role).title if role in list(Role) else role


def _line(case: ExceptionCase, group: int) -> CaseLine:
    return CaseLine(
        number=case.number,
        url=reverse("workbench:case", args=[case.pk]),
        title=case.title,
        cause=case.cause,
        subject=f"{case.subject_type} {case.subject_id}",
        severity=case.severity,
        state="reopened" if case.regressed and case.state == CaseState.OPEN else case.state,
        entity=case.entity,
        money=case.money,
        place=" · ".join(part for part in (case.system, spoken(case.step)) if part),
        owner=role_title(case.owner_role),
        person=person_name(case.assigned_to),
        attempts=case.attempts,
        occurrences=case.occurrences,
        group=group,
        group_url=f"?group={case.fingerprint}",
        blocked=len(case.blocked),
        last_seen=case.last_seen,
        due_at=case.due_at,
        is_open=case.is_open,
    )


def _choices(values: Any) -> list[tuple[str, str]]:
    return [(value, value) for value in sorted({value for value in values if value})]
