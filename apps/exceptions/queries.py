"""Reading cases: the queue of a person, its views and their counts, money at risk, groups and what helped before."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Count, Max, Min, Q, QuerySet, Sum, Value
from django.db.models.functions import Coalesce

from apps.access.models import User
from apps.access.policy import for_user
from apps.core import clock
from apps.core.money import Money
from apps.exceptions.models import ExceptionCase
from apps.exceptions.states import LIVE_STATES, CaseState

Cases = QuerySet[ExceptionCase]

# A label that says "1000+" is as good as the exact number and costs nothing to know.
MOST_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class Filters:
    """What a person looks for; empty means any. `text` finds ids of every kind and words of the cause."""

    view: str = "open"
    entity: str = ""
    family: str = ""
    kind: str = ""
    severity: str = ""
    system: str = ""
    role: str = ""
    fingerprint: str = ""
    currency: str = ""
    at_least: Decimal | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next page of the queue starts: the last line of this one."""

    due_at: datetime
    at_risk: Decimal
    id: int


@dataclass(frozen=True, slots=True)
class Group:
    """Cases of one cause."""

    fingerprint: str
    kind: str
    title: str
    cases: int
    still_open: int
    first_seen: datetime
    last_seen: datetime
    money: tuple[Money, ...]


@dataclass(frozen=True, slots=True)
class Remedy:
    """How cases like this one were closed, how often, and how often that held."""

    resolution: str
    times: int
    held: int


_VIEWS: dict[str, Callable[[User, datetime], Q]] = {
    "open": lambda user, now: _awake(now),
    "mine": lambda user, now: _awake(now) & Q(assigned_to=user.actor.key),
    "team": lambda user, now: _awake(now) & Q(owner_role__in=user.roles),
    "unassigned": lambda user, now: _awake(now) & Q(assigned_to=""),
    "overdue": lambda user, now: _awake(now) & Q(due_at__lt=now),
    "regressed": lambda user, now: _awake(now) & Q(regressed=True),
    "snoozed": lambda user, now: Q(state__in=LIVE_STATES, snoozed_until__gt=now),
    "closed": lambda user, now: Q(state__in=[CaseState.RESOLVED, CaseState.DISMISSED]),
    "all": lambda user, now: Q(),
}
VIEWS = tuple(_VIEWS)


def visible_cases(user: User) -> Cases:
    """The cases of the user's legal entities."""
    return for_user(ExceptionCase.objects.all(), user)


def found_cases(user: User, filters: Filters) -> Cases:
    """The visible cases that fit; an unknown view finds nothing."""
    view = _VIEWS.get(filters.view)
    if view is None:
        return ExceptionCase.objects.none()
    rows = visible_cases(user).filter(view(user, clock.now()))
    exact = {
        "entity": filters.entity,
        "family": filters.family,
        "kind": filters.kind,
        "severity": filters.severity,
        "system": filters.system,
        "owner_role": filters.role,
        "fingerprint": filters.fingerprint,
        "currency": filters.currency,
    }
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    if filters.at_least is not None:
        rows = rows.filter(amount__gte=filters.at_least)
    return rows.filter(_mentions(filters.text)) if filters.text.strip() else rows


def queue(user: User, filters: Filters, *, after: Place | None = None, most: int = 50) -> list[ExceptionCase]:
    """One page: what is due first, and of that what costs most. Keyset, so a deep page costs as little as the first."""
    rows = found_cases(user, filters).annotate(at_risk=_at_risk())
    if after is not None:
        rows = rows.filter(
            Q(due_at__gt=after.due_at)
            | Q(due_at=after.due_at, at_risk__lt=after.at_risk)
            | Q(due_at=after.due_at, at_risk=after.at_risk, id__gt=after.id)
        )
    return list(rows.order_by("due_at", "-at_risk", "id")[:most])


def place_of(case: ExceptionCase) -> Place:
    """Where to go on after this line."""
    return Place(case.due_at, case.amount or Decimal(0), case.pk)


def counts(user: User, views: Sequence[str] = VIEWS) -> dict[str, int]:
    """How many cases each view holds, counted up to MOST_COUNTED + 1."""
    return {view: found_cases(user, Filters(view=view)).order_by()[: MOST_COUNTED + 1].count() for view in views}


def money_at_risk(cases: Cases) -> list[Money]:
    """One sum per currency, in order of the code; currencies are never added up."""
    sums = cases.filter(amount__isnull=False).order_by("currency").values_list("currency").annotate(Sum("amount"))
    return [Money(amount, currency) for currency, amount in sums if currency]


def groups(cases: Cases, *, most: int = 50) -> list[Group]:
    """The causes behind these cases, those with most open cases first. Two queries."""
    rows = list(
        cases.order_by()
        .values("fingerprint", "kind")
        .annotate(
            cases=Count("id"),
            still_open=Count("id", filter=Q(state__in=LIVE_STATES)),
            first=Min("first_seen"),
            last=Max("last_seen"),
            title=Max("title"),
        )
        .order_by("-still_open", "-last")[:most]
    )
    money = _money_by_group(cases, [row["fingerprint"] for row in rows])
    return [
        Group(
            fingerprint=row["fingerprint"],
            kind=row["kind"],
            title=row["title"],
            cases=row["cases"],
            still_open=row["still_open"],
            first_seen=row["first"],
            last_seen=row["last"],
            money=tuple(money.get(row["fingerprint"], ())),
        )
        for row in rows
    ]


def group_members(user: User, fingerprint: str) -> Cases:
    """Every visible case of one cause, open ones first, then the latest."""
    still_open = Q(state__in=LIVE_STATES)
    return (
        visible_cases(user)
        .filter(fingerprint=fingerprint)
        .order_by(Coalesce(still_open, Value(False)).desc(), "-last_seen")
    )


def similar_cases(user: User, case: ExceptionCase, *, most: int = 10) -> list[ExceptionCase]:
    """Other visible cases of the same cause, then of the same object; the latest first."""
    others = visible_cases(user).exclude(pk=case.pk)
    same_cause = list(others.filter(fingerprint=case.fingerprint).order_by("-last_seen", "id")[:most])
    same_object = others.filter(subject_id=case.subject_id).exclude(fingerprint=case.fingerprint)
    return [*same_cause, *same_object.order_by("-last_seen", "id")[: most - len(same_cause)]]


def remedies(kind: str, *, system: str = "", code: str = "") -> list[Remedy]:
    """What closed cases of this kind (and system and code, when given), most frequent first. A remedy that held did not regress."""
    closed = ExceptionCase.objects.filter(kind=kind, state=CaseState.RESOLVED)
    closed = closed.filter(**{name: value for name, value in (("system", system), ("code", code)) if value})
    rows = closed.values("resolution").annotate(times=Count("id"), held=Count("id", filter=Q(regressions=0)))
    return [Remedy(**row) for row in rows.order_by("-times", "resolution")]


def _awake(now: datetime) -> Q:
    return Q(state__in=LIVE_STATES) & (Q(snoozed_until__isnull=True) | Q(snoozed_until__lte=now))


def _at_risk() -> Coalesce:
    return Coalesce("amount", Value(Decimal(0)))


def _mentions(text: str) -> Q:
    words = text.strip().replace("\x00", "")
    found = Q(subject_id__iexact=words) | Q(reference=words) | Q(correlation_id=words) | Q(run_id=words)
    number = words.upper().removeprefix("EXC-")
    if number.isascii() and number.isdigit() and len(number) < 18:
        found |= Q(pk=int(number))
    return found | Q(title__icontains=words) | Q(cause__icontains=words) | Q(code__icontains=words)


def _money_by_group(cases: Cases, fingerprints: Iterable[str]) -> dict[str, list[Money]]:
    sums = (
        cases.filter(fingerprint__in=list(fingerprints), state__in=LIVE_STATES, amount__isnull=False)
        .order_by("currency")
        .values_list("fingerprint", "currency")
        .annotate(Sum("amount"))
    )
    money: dict[str, list[Money]] = {}
    for fingerprint, currency, amount in sums:
        if currency:
            money.setdefault(fingerprint, []).append(Money(amount, currency))
    return money
