"""Polling: asks systems that do not call us what changed, and accepts it like any other event."""

from dataclasses import dataclass

from django.db import connection, transaction

from apps.connectors import pauses, registry
from apps.connectors.models import ConnectedSystem
from apps.core.errors import Failure, Misconfigured
from apps.events import bell, delivery, inbox, trouble

LEASE_S = 60


@dataclass(frozen=True, slots=True)
class _Turn:
    code: str
    token: int
    cursor: str


def poll_due() -> int:
    """Poll every system whose time has come; returns how many events were new. Safe to run in parallel."""
    return sum(_poll(turn) for turn in _claim())


def _claim() -> list[_Turn]:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE connectors_connectedsystem SET poll_lease_token = poll_lease_token + 1, "
            "poll_lease_until = clock_timestamp() + make_interval(secs => %s) WHERE code IN ("
            "SELECT code FROM connectors_connectedsystem WHERE enabled AND poll_every_s IS NOT NULL "
            "AND (paused_until IS NULL OR paused_until <= clock_timestamp()) "
            "AND (next_poll_at IS NULL OR next_poll_at <= clock_timestamp()) "
            "AND (poll_lease_until IS NULL OR poll_lease_until < clock_timestamp()) FOR UPDATE SKIP LOCKED) "
            "RETURNING code, poll_lease_token, poll_cursor",
            [LEASE_S],
        )
        return [_Turn(*row) for row in cursor.fetchall()]


def _poll(turn: _Turn) -> int:
    system = ConnectedSystem.objects.get(code=turn.code)
    cursor, fresh = turn.cursor, 0
    try:
        if pauses.may_be_called(system):
            changes = delivery.run(registry.connector_of(system).changes(turn.cursor))
            cursor = changes.cursor
            with transaction.atomic():
                fresh = inbox.accept(changes.events, system=turn.code)
                _settle(turn, cursor)
            if fresh:
                bell.ring_inbox()
            return fresh
    except Misconfigured as error:
        trouble.pause_system(turn.code, error)
    except Failure:
        # A read that failed is simply asked again; the cursor stays where it was.
        pass
    _settle(turn, turn.cursor)
    return fresh


def _settle(turn: _Turn, cursor_text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE connectors_connectedsystem SET poll_cursor = %s, poll_lease_until = NULL, "
            "next_poll_at = clock_timestamp() + make_interval(secs => poll_every_s) WHERE code = %s AND poll_lease_token = %s",
            [cursor_text, turn.code, turn.token],
        )
