"""The outbox: commands enqueued with the change that asks for them, claimed with a committed intent, settled fenced."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction

from apps.canonical.codec import to_json
from apps.canonical.commands import Command
from apps.core.context import causation_id
from apps.events.inbox import Message, store
from apps.events.states import UNFINISHED, CommandState

_UNFINISHED = [str(state) for state in UNFINISHED]


@dataclass(frozen=True, slots=True)
class Order:
    """A command to be sent. Ordering key: the stream whose commands go one after another, and that gets the receipt."""

    system: str
    command: Command
    stream_key: str
    idempotency_key: str
    correlation_id: str
    legal_entity: str = ""
    reference: str = ""


@dataclass(slots=True)
class Claimed:
    """A command this process may call out for, until `lease_s` from its claim. `kind`: execute, lookup or poll."""

    id: int
    token: int
    kind: str
    system: str
    name: str
    stream_key: str
    reference: str
    body: str
    legal_entity: str
    idempotency_key: str
    attempts: int
    lookups: int
    handle: str
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one claimed command. `delay_s`: when it is due again, for states that are not final."""

    claimed: Claimed
    state: CommandState
    outcome: str
    delay_s: float = 0.0
    code: str = ""
    detail: str = ""
    handle: str = ""
    receipt: Message | None = None
    # Not tried at all (deadline guard, no slot): the attempt does not count.
    untried: bool = False


def enqueue(orders: Sequence[Order]) -> list[str]:
    """Insert commands in the caller's transaction; one idempotency key is enqueued once. Returns the systems concerned."""
    if not orders:
        return []
    cause = causation_id()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO events_outboxcommand (system, name, ordering_key, reply_to, body, idempotency_key, correlation_id, "
            "legal_entity, reference, causation_id, state, due_at, attempts, lookups, lease_token, handle, error_code, "
            "error, created_at) "
            "SELECT d.system, d.name, d.stream, d.stream, d.body::jsonb, d.key, d.story, d.entity, d.reference, %s, "
            "'pending', clock_timestamp(), 0, 0, 0, '', '', '', clock_timestamp() "
            "FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[]) "
            "AS d(system, name, stream, body, key, story, entity, reference) ON CONFLICT (idempotency_key) DO NOTHING",
            [
                cause,
                [order.system for order in orders],
                [type(order.command).__name__ for order in orders],
                [order.stream_key for order in orders],
                [_json(order.command) for order in orders],
                [order.idempotency_key for order in orders],
                [order.correlation_id for order in orders],
                [order.legal_entity for order in orders],
                [order.reference for order in orders],
            ],
        )
    return sorted({order.system for order in orders})


def claim(system: str, *, limit: int, lease_s: float) -> list[Claimed]:
    """Take up to `limit` due commands of one system and commit the intent to call: one statement, one commit.

    Only the first unfinished command of an ordering key is taken. One that was sent and never settled, because its
    worker died or lost its lease, comes back as a look-up: nobody knows whether it happened.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"system": system, "limit": limit, "lease_s": lease_s, "unfinished": _UNFINISHED})
        return [Claimed(*row) for row in cursor.fetchall()]


def due_systems() -> list[str]:
    """Systems that have commands due now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT system FROM events_outboxcommand WHERE state = ANY(%s) AND due_at <= clock_timestamp() "
            "AND (lease_until IS NULL OR lease_until < clock_timestamp()) ORDER BY system",
            [_UNFINISHED],
        )
        return [code for (code,) in cursor.fetchall()]


def record(outcomes: Sequence[Outcome]) -> set[int]:
    """Settle a set of calls: command, attempt and receipt in one transaction. Returns the ids that were still ours.

    A command whose lease has gone to somebody else is left alone: that one will look up what happened.
    """
    if not outcomes:
        return set()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_RECORD, _columns(outcomes))
        ours = {pk for (pk,) in cursor.fetchall()}
        store([each.receipt for each in outcomes if each.receipt and each.claimed.id in ours])
    return ours


def cancel(stream_keys: Sequence[str]) -> int:
    """Withdraw commands nobody has sent yet, in the caller's transaction. Returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE events_outboxcommand SET state = 'cancelled', finished_at = clock_timestamp() "
            "WHERE ordering_key = ANY(%s) AND state = 'pending'",
            [list(stream_keys)],
        )
        return cursor.rowcount


def fate_of(reference: str) -> CommandState | None:
    """What has become of the latest command of a step; None when it never had one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT state FROM events_outboxcommand WHERE reference = %s ORDER BY id DESC LIMIT 1", [reference]
        )
        row = cursor.fetchone()
    return CommandState(row[0]) if row else None


def reopen_for_lookup(references: Sequence[str]) -> list[str]:
    """Make dead commands of these steps due for a look-up again, in the caller's transaction. Returns their systems."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE events_outboxcommand SET state = 'unknown', lookups = 0, due_at = clock_timestamp(), finished_at = NULL, "
            "lease_until = NULL WHERE reference = ANY(%s) AND state = 'dead' RETURNING system",
            [list(references)],
        )
        return sorted({code for (code,) in cursor.fetchall()})


def _json(command: Command) -> str:
    return json.dumps(to_json(command), separators=(",", ":"))


def _columns(outcomes: Sequence[Outcome]) -> list[list[Any]]:
    return [
        [each.claimed.id for each in outcomes],
        [each.claimed.token for each in outcomes],
        [str(each.state) for each in outcomes],
        [each.delay_s for each in outcomes],
        [each.code[:60] for each in outcomes],
        [each.detail[:4000].replace("\x00", "") for each in outcomes],
        [each.handle[:255] for each in outcomes],
        [each.outcome for each in outcomes],
        [each.untried for each in outcomes],
    ]


_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT c.id, c.state, c.lease_until FROM events_outboxcommand c
    WHERE c.system = %(system)s AND c.state = ANY(%(unfinished)s) AND c.due_at <= clock_timestamp()
      AND (c.lease_until IS NULL OR c.lease_until < clock_timestamp())
      AND NOT EXISTS (
          SELECT 1 FROM events_outboxcommand e
          WHERE e.ordering_key = c.ordering_key AND e.id < c.id AND e.state = ANY(%(unfinished)s))
    ORDER BY c.due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
), taken AS (
    UPDATE events_outboxcommand c
    SET state = CASE due.state WHEN 'pending' THEN 'sent' WHEN 'sent' THEN 'unknown' ELSE due.state END,
        attempts = c.attempts + (due.state = 'pending')::int,
        lookups = c.lookups + (due.state IN ('sent', 'unknown'))::int,
        lease_token = c.lease_token + 1,
        lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
    FROM due WHERE c.id = due.id
    RETURNING c.*, CASE due.state WHEN 'pending' THEN 'execute' WHEN 'accepted' THEN 'poll' ELSE 'lookup' END AS kind
), given_up AS (
    UPDATE events_deliveryattempt a SET finished_at = clock_timestamp(), outcome = 'abandoned'
    FROM due WHERE due.lease_until IS NOT NULL AND a.command_id = due.id AND a.finished_at IS NULL
), intent AS (
    INSERT INTO events_deliveryattempt (command_id, lease_token, kind, started_at, outcome, code, detail)
    SELECT id, lease_token, kind, clock_timestamp(), '', '', '' FROM taken
)
SELECT id, lease_token, kind, system, name, reply_to, reference, body::text, legal_entity, idempotency_key, attempts, lookups,
       handle, correlation_id
FROM taken
"""
_RECORD = """
WITH d AS (
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::float8[], %s::text[], %s::text[], %s::text[], %s::text[],
                         %s::bool[]) AS d(id, token, state, delay_s, code, detail, handle, outcome, untried)
), settled AS (
    UPDATE events_outboxcommand c
    SET state = d.state, lease_until = NULL, error_code = d.code, error = d.detail,
        handle = CASE WHEN d.handle = '' THEN c.handle ELSE d.handle END,
        attempts = c.attempts - (d.untried AND d.state = 'pending')::int,
        lookups = c.lookups - (d.untried AND d.state = 'unknown')::int,
        due_at = clock_timestamp() + make_interval(secs => d.delay_s),
        finished_at = CASE WHEN d.state IN ('acknowledged', 'rejected', 'dead') THEN clock_timestamp() END
    FROM d WHERE c.id = d.id AND c.lease_token = d.token AND c.state IN ('sent', 'unknown', 'accepted')
    RETURNING c.id, d.token, d.outcome, d.code, d.detail
), noted AS (
    UPDATE events_deliveryattempt a
    SET finished_at = clock_timestamp(), outcome = s.outcome, code = s.code, detail = s.detail
    FROM settled s WHERE a.command_id = s.id AND a.lease_token = s.token
)
SELECT id FROM settled
"""
