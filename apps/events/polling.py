"""Polling: asks systems that do not call us what changed, and accepts it like any other event."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from django.db import connection, transaction

from apps.connectors import pauses, registry
from apps.connectors.base import Changes, Connector
from apps.connectors.models import ConnectedSystem
from apps.core.errors import Failure, Misconfigured
from apps.events import bell, delivery, inbox, trouble

log = structlog.get_logger(__name__)

LEASE_S = 60


@dataclass(frozen=True, slots=True)
class _Turn:
    code: str
    token: int
    cursor: str


def poll_due() -> int:
    """Poll every system whose time has come; returns how many events were new. Safe to run in parallel.

    All are asked at once, so a slow one delays nobody else's news, and one that fails stops nobody else's.
    """
    turns = _claim()
    connectors = {turn.code: _connector(turn) for turn in turns}
    asked = [turn for turn in turns if connectors[turn.code] is not None]
    answers = delivery.run(_ask([(connectors[turn.code], turn.cursor) for turn in asked])) if asked else []
    fresh = sum(_take(turn, answer) for turn, answer in zip(asked, answers, strict=True))
    for turn in turns:
        if turn not in asked:
            _settle(turn, turn.cursor)
    if fresh:
        bell.ring_inbox()
    return fresh


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


def _connector(turn: _Turn) -> Connector | None:
    system = ConnectedSystem.objects.get(code=turn.code)
    try:
        return registry.connector_of(system) if pauses.may_be_called(system) else None
    except Misconfigured as error:
        trouble.pause_system(turn.code, error)
        return None


async def _ask(wanted: Sequence[tuple[Connector | None, str]]) -> list[Changes | BaseException]:
    asking = [connector.changes(cursor) for connector, cursor in wanted if connector is not None]
    return await asyncio.gather(*asking, return_exceptions=True)


def _take(turn: _Turn, answer: Changes | BaseException) -> int:
    """Store what a system told; one that failed is simply asked again, from where its cursor stands."""
    if isinstance(answer, Changes):
        with transaction.atomic():
            fresh = inbox.accept(answer.events, system=turn.code)
            _settle(turn, answer.cursor)
        return fresh
    if isinstance(answer, Misconfigured):
        trouble.pause_system(turn.code, answer)
    elif not isinstance(answer, Exception):
        raise answer
    elif not isinstance(answer, Failure):
        log.error("a system's news cannot be read", system=turn.code, exc_info=answer)
    _settle(turn, turn.cursor)
    return 0


def _settle(turn: _Turn, cursor_text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE connectors_connectedsystem SET poll_cursor = %s, poll_lease_until = NULL, "
            "next_poll_at = clock_timestamp() + make_interval(secs => poll_every_s) WHERE code = %s AND poll_lease_token = %s",
            [cursor_text, turn.code, turn.token],
        )
