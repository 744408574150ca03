"""Streams: one worker at a time per business object, fenced by a token. Every time here is the database's."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from apps.core.errors import TieoutError

RETRY_CAP_S = 300.0


@dataclass(slots=True)
class Lease:
    """A held stream. `next_position` is counted on by whoever settles its events; `has_more` when some were left."""

    key: str
    next_position: int
    token: int
    wakes: int
    has_more: bool = False
    retry: bool = False


class LeaseLost(TieoutError):
    """Somebody else holds these streams by now; nothing of the set may be kept."""

    def __init__(self, keys: Collection[str]) -> None:
        super().__init__(f"lost the lease of {len(keys)} streams")
        self.keys = frozenset(keys)


def wake(keys: Iterable[str]) -> None:
    """Make streams due at once, creating those that are new. In the caller's transaction, after its inserts."""
    wanted = sorted(set(keys))  # one order everywhere, so two callers cannot wait for each other
    if not wanted:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO events_stream AS s (key, next_position, wakes, lease_token, failures, due_at) "
            "SELECT key, 1, 1, 0, 0, clock_timestamp() FROM unnest(%s::text[]) AS key "
            "ON CONFLICT (key) DO UPDATE SET wakes = s.wakes + 1, due_at = LEAST(s.due_at, EXCLUDED.due_at)",
            [wanted],
        )


def claim(*, limit: int) -> list[Lease]:
    """Lease up to `limit` due streams, longest due first; one statement, committed at once when outside a transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE events_stream SET lease_token = lease_token + 1, "
            "lease_until = clock_timestamp() + make_interval(secs => %s) WHERE key IN ("
            "SELECT key FROM events_stream WHERE due_at <= clock_timestamp() "
            "AND (lease_until IS NULL OR lease_until < clock_timestamp()) "
            "ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED) "
            "RETURNING key, next_position, lease_token, wakes",
            [settings.STREAM_LEASE_S, limit],
        )
        return [Lease(*row) for row in cursor.fetchall()]


def release(leases: Collection[Lease]) -> None:
    """Give streams back as the last statement of the transaction that wrote what they led to: this is the fence.

    Streams that were woken meanwhile or have more to drain are due again at once; those to retry, after a pause.
    Raises LeaseLost, so that the transaction is rolled back, when a token is no longer ours.
    """
    if not leases:
        return
    ordered = sorted(leases, key=lambda lease: lease.key)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE events_stream AS s SET lease_until = NULL, next_position = d.position, "
            "failures = CASE WHEN d.retry THEN s.failures + 1 ELSE 0 END, "
            "due_at = CASE WHEN d.retry THEN clock_timestamp() + make_interval(secs => LEAST(power(2, s.failures), %s)) "
            "WHEN d.more OR s.wakes <> d.wakes THEN clock_timestamp() END "
            "FROM (SELECT * FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bool[], %s::bool[]) "
            "AS d(key, token, position, wakes, more, retry) ORDER BY key) AS d "
            "WHERE s.key = d.key AND s.lease_token = d.token RETURNING s.key",
            [
                RETRY_CAP_S,
                [lease.key for lease in ordered],
                [lease.token for lease in ordered],
                [lease.next_position for lease in ordered],
                [lease.wakes for lease in ordered],
                [lease.has_more for lease in ordered],
                [lease.retry for lease in ordered],
            ],
        )
        kept = {key for (key,) in cursor.fetchall()}
    if lost := {lease.key for lease in leases} - kept:
        raise LeaseLost(lost)
