"""The one door for everything from outside: stored raw and once, read later, settled under its stream's lease."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from apps.connectors.base import RawEvent
from apps.core import clock
from apps.core.context import new_correlation_id
from apps.core.sets import update_rows
from apps.events import streams
from apps.events.models import InboxEvent
from apps.events.states import EventState
from apps.events.streams import Lease

# Our own code as the source of receipts' and streams' messages to each other.
INNER = "tieout"
# What one set may hold in memory, so that ten large bodies are no worse than a thousand small ones.
MAX_EVENTS, MAX_BYTES = 2_000, 32 * 1024 * 1024
_REPLAY = ":replay:"


@dataclass(frozen=True, slots=True)
class Message:
    """One event to be stored. `external_id` repeats when the event does; `name` is empty for an unread body."""

    system: str
    external_id: str
    stream_key: str
    name: str
    body: bytes
    correlation_id: str
    occurred_at: datetime
    reference: str = ""
    causation_id: str = ""


def accept(raws: Sequence[RawEvent], *, system: str, correlation_id: str = "") -> int:
    """Store outside events once, unread, and wake their streams; returns how many were new.

    Calling again with the same system and external ids changes nothing, so a vendor may resend at will.
    `occurred_at` is the vendor's time, UTC. Mapping happens at claim: a body nobody can map is kept here
    and becomes a dead letter there. Runs in one transaction; answer the vendor only after it is committed.
    """
    return store([_unread(raw, system, correlation_id) for raw in raws])


def accept_all(requests: Sequence[tuple[str, Sequence[RawEvent], str]]) -> list[int]:
    """As `accept`, for many requests (system, events, correlation id) in one transaction; how many were new in each.

    An event that two of them bring is new in the first.
    """
    fresh = set(_insert([_unread(raw, system, story) for system, raws, story in requests for raw in raws]))
    counts = []
    for system, raws, _ in requests:
        brought = {(system, raw.external_id) for raw in raws}
        counts.append(len(brought & fresh))
        fresh -= brought
    return counts


def message(
    name: str,
    payload: Mapping[str, Any],
    *,
    stream_key: str,
    external_id: str,
    correlation_id: str,
    causation_id: str = "",
    reference: str = "",
    system: str = INNER,
) -> Message:
    """One stream's message to another, or a receipt. Telling twice with one `external_id` tells once."""
    return Message(
        system=system,
        external_id=external_id,
        stream_key=stream_key,
        name=name,
        body=json.dumps(payload, separators=(",", ":")).encode(),
        correlation_id=correlation_id,
        occurred_at=clock.now(),
        reference=reference,
        causation_id=causation_id,
    )


def store(messages: Sequence[Message]) -> int:
    """Insert what is new and wake its streams, in one transaction; returns how many were new."""
    return len(_insert(messages))


def _unread(raw: RawEvent, system: str, correlation_id: str) -> Message:
    return Message(
        system=system,
        external_id=raw.external_id,
        stream_key=f"{system}:{raw.subject}"[:160],
        name="",
        body=raw.body,
        correlation_id=raw.correlation_id or correlation_id or new_correlation_id(),
        occurred_at=raw.occurred_at,
    )


def _insert(messages: Sequence[Message]) -> list[tuple[str, str]]:
    """(system, external id) of what was new."""
    if not messages:
        return []
    columns = list(
        zip(
            *(
                (
                    each.system,
                    each.external_id,
                    each.stream_key,
                    each.name,
                    each.body,
                    each.correlation_id,
                    each.occurred_at,
                    each.reference,
                    each.causation_id,
                )
                for each in messages
            ),
            strict=True,
        )
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO events_inboxevent (system, external_id, stream_key, name, body, correlation_id, occurred_at, "
            "reference, causation_id, state, attempts, error, received_at) "
            "SELECT d.*, 'received', 0, '', clock_timestamp() FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], "
            "%s::bytea[], %s::text[], %s::timestamptz[], %s::text[], %s::text[]) AS d "
            "ON CONFLICT (system, external_id) DO NOTHING RETURNING system, external_id, stream_key",
            [list(column) for column in columns],
        )
        fresh = cursor.fetchall()
        streams.wake(key for _, _, key in fresh)
    return [(system, external_id) for system, external_id, _ in fresh]


def replay_of(event: InboxEvent) -> Message:
    """A dead event once more, as the newest of its stream: what came after it has been applied meanwhile."""
    return Message(
        system=event.system,
        external_id=f"{event.external_id[:120]}{_REPLAY}{event.pk}:{event.attempts + 1}",
        stream_key=event.stream_key,
        name=event.name,
        body=bytes(event.body),
        correlation_id=event.correlation_id,
        occurred_at=event.occurred_at,
        reference=event.reference,
        causation_id=f"EVT-{event.pk}",
    )


def is_replay(event: InboxEvent) -> bool:
    """Whether this event is a dead one read again; its `causation_id` names that."""
    return _REPLAY in event.external_id and event.causation_id.startswith("EVT-")


def waiting(leases: Sequence[Lease]) -> list[InboxEvent]:
    """The unsettled events of leased streams, oldest first, as many as one set may hold.

    Marks a lease as having more when some of its events were left for the next set.
    """
    by_key = {lease.key: lease for lease in leases}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, stream_key, octet_length(body) FROM events_inboxevent "
            "WHERE stream_key = ANY(%s) AND state = 'received' ORDER BY id LIMIT %s",
            [list(by_key), MAX_EVENTS + 1],
        )
        rows = cursor.fetchall()
    taken, size, closed = [], 0, len(rows) > MAX_EVENTS
    for number, (pk, key, length) in enumerate(rows):
        size += length
        if number and (size > MAX_BYTES or number >= MAX_EVENTS):
            by_key[key].has_more = True
            closed = True
        elif not by_key[key].has_more:
            taken.append(pk)
    if closed:
        for lease in leases:
            lease.has_more = True
    return list(InboxEvent.objects.filter(pk__in=taken).order_by("pk"))


def settle(events: Iterable[InboxEvent], leases: Mapping[str, Lease]) -> None:
    """Write the outcome that was set on each event and give it the next position of its stream."""
    done = []
    for event in events:
        if event.state == EventState.RECEIVED:
            continue
        lease = leases[event.stream_key]
        event.position, lease.next_position = lease.next_position, lease.next_position + 1
        event.settled_at = clock.now()
        done.append(event)
    update_rows(InboxEvent, done, ["state", "position", "error", "settled_at", "attempts"])
