"""The queue as a screen: its views, filters and orders, and what one line shows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django import forms
from django.db.models import Count
from django.http import QueryDict
from django.urls import reverse

from apps.access.models import User
from apps.access.roles import Role
from apps.core.money import Money
from apps.exceptions import queries
from apps.exceptions.models import ExceptionCase
from apps.exceptions.queries import Cases, Filters
from apps.exceptions.states import LIVE_STATES, CaseState, Family, Severity
from apps.workbench.keyset import Key
from apps.workbench.words import spoken

ORDERS: dict[str, tuple[Key, ...]] = {
    "due": (Key("due_at"), Key("amount", descending=True), Key("id")),
    # Amounts of different currencies have no order; each currency is a block of its own.
    "money": (Key("currency"), Key("amount", descending=True), Key("id")),
    "last_seen": (Key("last_seen", descending=True), Key("id")),
}
ORDER_LABELS = {"due": "due time, then money", "money": "currency, then money at risk", "last_seen": "last seen"}

VIEWS = {
    "open": "Open",
    "mine": "Mine",
    "team": "My team",
    "unassigned": "Nobody's",
    "overdue": "Overdue",
    "regressed": "Regressed",
    "snoozed": "Snoozed",
    "closed": "Closed",
    "all": "All",
}
# Each tab's count is a query; the other views are in the menu of the filters.
TABS = ("open", "mine", "team", "overdue")


class CaseFilter(forms.Form):
    """The filters of the queue; the address holds them, so a link shows a colleague the same list."""

    q = forms.CharField(label="Any id or word", required=False, max_length=200)
    view = forms.ChoiceField(label="View", choices=list(VIEWS.items()), required=False)
    severity = forms.ChoiceField(label="Severity", choices=[("", "Any"), *Severity.choices], required=False)
    family = forms.ChoiceField(label="Family", choices=[("", "Any"), *Family.choices], required=False)
    entity = forms.ChoiceField(label="Legal entity", required=False)
    system = forms.ChoiceField(label="System", required=False)
    role = forms.ChoiceField(
        label="Owner", choices=[("", "Any"), *((role.value, spoken(role)) for role in Role)], required=False
    )
    group = forms.CharField(label="Same cause", widget=forms.HiddenInput, required=False, max_length=24)

    def __init__(self, query: QueryDict, *, places: Sequence[tuple[str, str]]) -> None:
        super().__init__({"view": "open", **query.dict()})
        self._offer("entity", (entity for entity, _ in places))
        self._offer("system", (system for _, system in places))

    def filters(self) -> Filters:
        """What was asked for; only after `is_valid()`."""
        asked = self.cleaned_data
        return Filters(
            view=asked["view"] or "open",
            text=asked["q"],
            severity=asked["severity"],
            family=asked["family"],
            entity=asked["entity"],
            system=asked["system"],
            role=asked["role"],
            fingerprint=asked["group"],
        )

    def chips(self, query: QueryDict) -> list["Chip"]:
        """Each filter in use, in words, with the address of the list without it."""
        return [
            Chip(f"{field.label}: {_words(field, query.get(name))}", _without(query, name))
            for name, field in self.fields.items()
            if query.get(name) and name != "view"
        ]

    def _offer(self, name: str, values: Iterable[str]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "Any"), *((value, value) for value in sorted({value for value in values if value}))]


class Chip(NamedTuple):
    """One filter in use; the address shows the list without it."""

    label: str
    url: str


class Tab(NamedTuple):
    """One view of the queue with its count."""

    label: str
    view: str
    size: str
    current: bool


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


def places_of(cases: Cases) -> list[tuple[str, str]]:
    """(entity, system) of every visible case: what the filters offer. One query."""
    return list(cases.order_by().values_list("entity", "system").distinct()[:500])


def tabs(user: User, *, view: str) -> list[Tab]:
    """The views that have a tab, and the one that is shown when it has none. One query each."""
    counts = queries.counts(user, TABS)
    shown = TABS if view in TABS else (*TABS, view)
    return [Tab(VIEWS.get(name, name), name, _capped(counts.get(name)), current=name == view) for name in shown]


def lines(cases: Sequence[ExceptionCase], *, visible: Cases) -> list[CaseLine]:
    """The rows of one page as lines. One query, for the sizes of their groups."""
    prints = {case.fingerprint for case in cases}
    same_cause = visible.filter(fingerprint__in=prints, state__in=LIVE_STATES).order_by()
    sizes = dict(same_cause.values_list("fingerprint").annotate(size=Count("id")))
    return [_line(case, sizes.get(case.fingerprint, 0)) for case in cases]


def person_name(actor_key: str) -> str:
    """The name in an actor's key, ``anna`` of ``person:anna``."""
    return actor_key.partition(":")[2] or actor_key


def role_title(role: str) -> str:
    """A role as screens say it."""
    return spoken(role)


def shown_state(case: ExceptionCase) -> str:
    """The state as the badge shows it: an open case that came back is called regressed."""
    return "reopened" if case.regressed and case.state == CaseState.OPEN else case.state


def _line(case: ExceptionCase, group: int) -> CaseLine:
    return CaseLine(
        number=case.number,
        url=reverse("workbench:case", args=[case.pk]),
        title=case.title,
        cause=case.cause,
        subject=f"{spoken(case.subject_type)} {case.subject_id}",
        severity=case.severity,
        state=shown_state(case),
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


def _capped(count: int | None) -> str:
    if count is None:
        return ""
    return f"{queries.MOST_COUNTED}+" if count > queries.MOST_COUNTED else str(count)


def _words(field: forms.Field, value: Any) -> str:
    return str(dict(getattr(field, "choices", [])).get(value, value))


def _without(query: QueryDict, name: str) -> str:
    rest: Any = query.copy()
    for gone in (name, "after", "before"):
        rest.pop(gone, None)
    return f"?{rest.urlencode()}"
