"""How connected systems are doing: breaker, pause, queues, calls of the last day, slots, credentials and cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, F, Min
from django.urls import reverse

from apps.access.models import User
from apps.connectors.models import BreakerState, ConcurrencySlot, ConnectedSystem
from apps.connectors.pauses import UNTIL_SOMEBODY_ACTS
from apps.connectors.secrets import secret_stamp
from apps.core import clock
from apps.events.models import InboxEvent, OutboxCommand
from apps.events.states import UNFINISHED, EventState
from apps.exceptions.models import ExceptionCase
from apps.exceptions.queries import visible_cases
from apps.exceptions.states import LIVE_STATES
from apps.workbench.story import OUTCOMES, verb_words
from apps.workbench.words import Look

WINDOW = timedelta(hours=24)
_FAILED = ("transient", "rejected", "misconfigured", "unknown")

# Calls since an instant by system, or by verb of one system: how many, how many failed, and how long they took.
_CALLS = """
SELECT {by}, count(*), count(*) FILTER (WHERE a.outcome = ANY(%(failed)s)),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM a.finished_at - a.started_at)),
       percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM a.finished_at - a.started_at))
FROM events_deliveryattempt a JOIN events_outboxcommand c ON c.id = a.command_id
WHERE a.started_at >= %(since)s AND (%(system)s = '' OR c.system = %(system)s)
GROUP BY 1 ORDER BY 2 DESC, 1
"""
_CODES = """
SELECT a.outcome, a.code, count(*), max(a.started_at)
FROM events_deliveryattempt a JOIN events_outboxcommand c ON c.id = a.command_id
WHERE a.started_at >= %(since)s AND c.system = %(system)s AND a.outcome = ANY(%(failed)s)
GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 20
"""
_HOURS = """
SELECT date_trunc('hour', a.started_at), count(*) FILTER (WHERE NOT a.outcome = ANY(%(failed)s)),
       count(*) FILTER (WHERE a.outcome = ANY(%(failed)s))
FROM events_deliveryattempt a JOIN events_outboxcommand c ON c.id = a.command_id
WHERE a.started_at >= %(since)s AND c.system = %(system)s
GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of one system, or of one verb."""

    name: str
    count: int = 0
    failed: int = 0
    p50_s: float | None = None
    p95_s: float | None = None

    @property
    def failed_percent(self) -> float:
        """Of all calls."""
        return 100 * self.failed / self.count if self.count else 0.0


@dataclass(frozen=True, slots=True)
class Health:
    """One system at this moment."""

    code: str
    url: str
    name: str
    vendor: str
    kind: str
    look: Look
    reason: str
    breaker: str
    breaker_failures: int
    is_paused: bool
    paused_until: datetime | None
    waiting: int
    oldest: datetime | None
    unread: int
    slots_used: int
    slots: int
    calls: Calls
    has_secret: bool
    secret_changed_at: datetime | None
    secret_ref: str
    next_poll_at: datetime | None
    poll_every_s: float | None
    rate_per_s: float
    cases: int


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One way in which calls failed."""

    tone: str
    word: str
    code: str
    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Hour:
    """The calls of one hour as two bars, one upon the other, in a picture 100 high."""

    at: datetime
    good: int
    failed: int
    x: float
    good_height: float
    failed_height: float

    @property
    def good_top(self) -> float:
        """Where the bar of good calls begins."""
        return 100 - self.good_height

    @property
    def failed_top(self) -> float:
        """The bar of failed calls stands upon it."""
        return self.good_top - self.failed_height


def all_health(*, user: User) -> list[Health]:
    """Every connected system in order of its code. Six queries, whatever their number."""
    return _health(list(ConnectedSystem.objects.order_by("code")), user=user)


def health_of(code: str, *, user: User) -> Health | None:
    """One system; None when it is not connected."""
    found = _health(list(ConnectedSystem.objects.filter(code=code)), user=user)
    return found[0] if found else None


def calls_by_verb(code: str) -> list[Calls]:
    """The calls of the last day by what was asked. One query."""
    return [Calls(verb_words(name), *rest) for name, *rest in _rows(_CALLS.format(by="c.name"), code)]


def error_codes(code: str) -> list[ErrorCode]:
    """How calls of the last day failed, the most frequent first. One query."""
    found = []
    for outcome, word, count, at in _rows(_CODES, code):
        tone, said = OUTCOMES.get(outcome, ("warn", outcome))
        found.append(ErrorCode(tone, said, word, count, at))
    return found


def hours(code: str) -> list[Hour]:
    """The calls of the last day by hour; hours without any are empty bars. One query."""
    found = {at: (good, failed) for at, good, failed in _rows(_HOURS, code)}
    first = (clock.now() - WINDOW).replace(minute=0, second=0, microsecond=0)
    most = max((good + failed for good, failed in found.values()), default=1)
    bars = []
    for place in range(25):
        at = first + timedelta(hours=place)
        good, failed = found.get(at, (0, 0))
        bars.append(Hour(at, good, failed, place * 20.0, 100 * good / most, 100 * failed / most))
    return bars


def open_cases(code: str, *, user: User) -> list[ExceptionCase]:
    """Open cases that have to do with a system. One query."""
    return list(visible_cases(user).filter(system=code, state__in=LIVE_STATES).order_by("due_at", "pk")[:20])


def _health(systems: Sequence[ConnectedSystem], *, user: User) -> list[Health]:
    codes = [system.code for system in systems]
    waiting = {
        code: (count, oldest)
        for code, count, oldest in OutboxCommand.objects.filter(system__in=codes, state__in=UNFINISHED)
        .order_by()
        .values_list("system")
        .annotate(count=Count("pk"), oldest=Min("created_at"))
    }
    unread = dict(
        InboxEvent.objects.filter(system__in=codes, state=EventState.RECEIVED)
        .order_by()
        .values_list("system")
        .annotate(count=Count("pk"))
    )
    slots = dict(
        ConcurrencySlot.objects.filter(system__in=codes, n__lte=F("system__max_concurrency"), lease_until__gte=clock.now())
        .order_by()
        .values_list("system_id")
        .annotate(count=Count("pk"))
    )  # fmt: skip
    calls = {row[0]: Calls(*row) for row in _rows(_CALLS.format(by="c.system"), codes[0] if len(codes) == 1 else "")}
    cases = dict(
        visible_cases(user)
        .filter(system__in=codes, state__in=LIVE_STATES)
        .order_by()
        .values_list("system")
        .annotate(count=Count("pk"))
    )
    return [_one(system, waiting, unread, slots, calls, cases) for system in systems]


def _one(
    system: ConnectedSystem,
    waiting: Mapping[str, tuple[int, datetime]],
    unread: Mapping[str, int],
    slots: Mapping[str, int],
    calls: Mapping[str, Calls],
    cases: Mapping[str, int],
) -> Health:
    now = clock.now()
    is_paused = system.paused_until is not None and system.paused_until > now
    forever = is_paused and system.paused_until is not None and system.paused_until - now > UNTIL_SOMEBODY_ACTS / 2
    stamp = secret_stamp(system)
    count, oldest = waiting.get(system.code, (0, None))
    look, reason = _look(system, is_paused=is_paused)
    return Health(
        code=system.code,
        url=reverse("workbench:connector", args=[system.code]),
        name=system.name,
        vendor=system.vendor,
        kind=system.kind,
        look=look,
        reason=reason,
        breaker=system.breaker_state,
        breaker_failures=system.breaker_failures,
        is_paused=is_paused,
        paused_until=None if forever else system.paused_until,
        waiting=count,
        oldest=oldest,
        unread=unread.get(system.code, 0),
        slots_used=slots.get(system.code, 0),
        slots=system.max_concurrency,
        calls=calls.get(system.code, Calls(system.code)),
        has_secret=stamp > 0,
        secret_changed_at=datetime.fromtimestamp(stamp / 1e9, UTC) if stamp else None,
        secret_ref=system.secret_ref,
        next_poll_at=system.next_poll_at,
        poll_every_s=system.poll_every_s,
        rate_per_s=system.rate_per_s,
        cases=cases.get(system.code, 0),
    )


def _look(system: ConnectedSystem, *, is_paused: bool) -> tuple[Look, str]:
    if not system.enabled:
        return Look("neutral", "Switched off"), "Nobody calls it until it is switched on under Administration."
    if is_paused:
        return Look("danger", "Paused"), system.paused_reason
    if system.breaker_state == BreakerState.OPEN:
        return Look("danger", "Down"), f"Silent {system.breaker_failures} times in a row; it is probed now and then."
    if system.breaker_state == BreakerState.HALF_OPEN:
        return Look("warn", "Being probed"), "One call is on its way to see whether it answers again."
    if system.breaker_failures:
        return Look("warn", "Unsteady"), f"The last {system.breaker_failures} calls met silence."
    return Look("ok", "Up"), ""


def _rows(sql: str, system: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"since": clock.now() - WINDOW, "system": system, "failed": list(_FAILED)})
        return list(cursor.fetchall())
