"""The consumer: takes leased streams' events in sets, applies them, and lets go in the same transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog
from django.db import InterfaceError, OperationalError, transaction

from apps.connectors import registry
from apps.connectors.base import Connector
from apps.core.context import correlated
from apps.core.errors import BadInput, Failure, Misconfigured
from apps.events import bell, failpoints, inbox, streams
from apps.events.models import InboxEvent
from apps.events.retry import EVENT
from apps.events.states import EventState
from apps.events.streams import Lease, LeaseLost
from apps.exceptions.evidence import fit_text
from apps.exceptions.findings import Finding
from apps.processes import parking
from apps.processes.batch import Batch
from apps.processes.parking import FAILED_RECEIPTS
from apps.processes.told import Told, read

log = structlog.get_logger(__name__)

SET_SIZE = 200
# Two sets wanted each other's rows; the database chose this one to stand back. It may simply go again.
_TRY_AGAIN = ("40P01", "40001")

# What a router is to the consumer: applies the events of one round, at most one per stream, to a batch.
Router = Callable[[Batch, Sequence[Told]], None]


@dataclass(slots=True)
class Drained:
    """What one set came to."""

    streams: int = 0
    events: int = 0


def consume(*, route: Router, limit: int = SET_SIZE) -> Drained:
    """Lease up to `limit` due streams and apply what they hold; one commit for the set.

    A set that fails is done again one stream at a time, so one poisoned event stops nobody else's. A stream whose
    lease was lost is left to whoever holds it now. Safe to run in parallel and to kill at any point.
    """
    failpoints.reach("before_lease")
    leases = streams.claim(limit=limit)
    if not leases:
        return Drained()
    failpoints.reach("after_lease")
    return Drained(len(leases), _apply_without_lost(leases, route))


def _apply_without_lost(leases: Sequence[Lease], route: Router) -> int:
    try:
        return _apply(leases, route)
    except LeaseLost as lost:
        rest = [lease for lease in leases if lease.key not in lost.keys]
        log.warning("streams were taken over by another worker", streams=len(lost.keys))
        return _apply_without_lost(rest, route) if rest else 0
    except (OperationalError, InterfaceError) as error:
        if getattr(error.__cause__, "sqlstate", None) not in _TRY_AGAIN:
            raise  # the database went away: nobody's fault, the leases run out
        return _apply_without_lost(leases, route)
    except Exception as error:
        if len(leases) == 1:
            return _apply_first(leases[0], route)
        log.warning("a set failed and is done one stream at a time", error=repr(error), streams=len(leases))
        return sum(_apply_without_lost([lease], route) for lease in leases)


def _apply_first(lease: Lease, route: Router) -> int:
    """Something in this stream cannot be applied. Its first event goes alone, so that no other is blamed for it."""
    try:
        return _apply([lease], route, most=1)
    except LeaseLost:
        return 0
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        return _set_aside(lease, error)


def _apply(leases: Sequence[Lease], route: Router, *, most: int = 0) -> int:
    by_key = {lease.key: _fresh(lease) for lease in leases}
    events = inbox.waiting(list(by_key.values()))
    if most and len(events) > most:
        events = events[:most]
        for lease in by_key.values():
            lease.has_more = True
    connectors = {event.system: _connector(event.system) for event in events if not event.name}
    batch = Batch()
    with transaction.atomic():
        for heads in _rounds(events):
            told = [each for event in heads if (each := _read(batch, event, connectors.get(event.system)))]
            route(batch, told)
            _settle_causes(batch, heads)
            batch.flush()
        inbox.settle(events, by_key)
        failpoints.reach("before_commit")
        streams.release(list(by_key.values()))
    failpoints.reach("after_commit")
    bell.ring_outbox(sorted(batch.systems))
    return len(events)


def _fresh(lease: Lease) -> Lease:
    # A set may be done twice; what the first try counted on must not leak into the second.
    return Lease(lease.key, lease.next_position, lease.token, lease.wakes)


def _rounds(events: Sequence[InboxEvent]) -> list[list[InboxEvent]]:
    """The events by turn: every stream's first, then every stream's second …"""
    rounds: list[list[InboxEvent]] = []
    turn: dict[str, int] = {}
    for event in events:
        number = turn.get(event.stream_key, 0)
        turn[event.stream_key] = number + 1
        if number == len(rounds):
            rounds.append([])
        rounds[number].append(event)
    return rounds


def _connector(system: str) -> Connector | None:
    try:
        return registry.connector_for(system)
    except Misconfigured:
        return None


def _read(batch: Batch, event: InboxEvent, connector: Connector | None) -> Told | None:
    try:
        told = read(event, connector)
    except BadInput as error:
        bury(batch, event, kind="payload_unreadable", message=f"{error} {error.mend}".strip(), field=error.path)
        return None
    event.state = EventState.APPLIED if told else EventState.SUPERSEDED
    return told


def _settle_causes(batch: Batch, events: Sequence[InboxEvent]) -> None:
    """What came in answer to a command, or is a dead event replayed, closes the cases about that."""
    for event in events:
        is_answer = event.causation_id and event.system != inbox.INNER and event.state == EventState.APPLIED
        # A replayed event that turns out to be of no interest is settled as well.
        is_replay = inbox.is_replay(event) and event.state != EventState.DEAD
        if is_replay or (is_answer and event.name not in FAILED_RECEIPTS):
            batch.settled(event.causation_id, why="it went through")


def bury(
    batch: Batch,
    event: InboxEvent,
    *,
    kind: str,
    message: str,
    field: str = "",
    code: str = "",
    evidence: Mapping[str, object] | None = None,
) -> None:
    """Make an event a dead letter with a case; the stream goes on. Replaying it later reads it again."""
    message = fit_text(message, most=4000)
    event.state, event.error = EventState.DEAD, message
    batch.report(
        Finding(
            kind=kind,
            subject_type="event",
            subject_id=event.stream_key[:64],
            stream_key=event.stream_key,
            reference=reference_of(event),
            message=message,
            system=event.system,
            code=code or kind,
            field=field[:60],
            awaiting="event applied",
            evidence={"source": {"body": _shown(event), "external_id": event.external_id}, **(evidence or {})},
            attempts=event.attempts,
            correlation_id=event.correlation_id,
        )
    )


def reference_of(event: InboxEvent) -> str:
    """How a case names an inbox event."""
    return f"EVT-{event.pk}"


def _shown(event: InboxEvent) -> str:
    return bytes(event.body)[:20_000].decode("utf-8", "replace").replace("\x00", "\ufffd")


def _set_aside(lease: Lease, error: Exception) -> int:
    """The first waiting event of a stream cannot be applied: count the try, and bury it when it has had enough."""
    log.error("an event cannot be applied", stream=lease.key, exc_info=error)
    fresh = _fresh(lease)
    with transaction.atomic():
        waiting = inbox.waiting([fresh])
        if waiting:
            event = waiting[0]
            event.attempts += 1
            named = isinstance(error, Failure)
            if named or EVENT.is_spent(event.attempts):
                batch = Batch()
                park = parking.of_failure(error) if isinstance(error, Failure) else None
                kind = park.kind if park else "dead_letter"
                with correlated(event.correlation_id):
                    bury(batch, event, kind=kind, message=f"{error}" if named else f"{type(error).__name__}: {error}")
                    batch.flush()
                inbox.settle([event], {fresh.key: fresh})
                fresh.has_more = True
            else:
                InboxEvent.objects.filter(pk=event.pk).update(attempts=event.attempts, error=repr(error)[:4000])
                fresh.retry = True
        try:
            streams.release([fresh])
        except LeaseLost:
            transaction.set_rollback(True)
    return 0
