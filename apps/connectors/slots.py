"""Concurrency slots: how many calls may be in flight to one account at once, over all processes."""

from collections.abc import Sequence

from django.db import connection

from apps.connectors.models import ConnectedSystem

_ADD = """
INSERT INTO connectors_concurrencyslot (system_id, n, holder)
SELECT %(system)s, n, '' FROM generate_series(1, %(most)s) AS n
ON CONFLICT (system_id, n) DO NOTHING
"""
# MATERIALIZED: the planner may otherwise run the limited part more than once and lock more slots than asked for.
_TAKE = """
WITH free AS MATERIALIZED (
    SELECT id FROM connectors_concurrencyslot
    WHERE system_id = %(system)s AND n <= %(most)s AND (lease_until IS NULL OR lease_until < clock_timestamp())
    ORDER BY n LIMIT %(wanted)s FOR UPDATE SKIP LOCKED
)
UPDATE connectors_concurrencyslot AS slot
SET holder = %(holder)s, lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s)
FROM free WHERE slot.id = free.id
RETURNING slot.n
"""
_RELEASE = """
UPDATE connectors_concurrencyslot SET holder = '', lease_until = NULL
WHERE system_id = %(system)s AND holder = %(holder)s AND n = ANY(%(slots)s)
"""
_IN_USE = """
SELECT count(*) FROM connectors_concurrencyslot WHERE system_id = %(system)s AND lease_until >= clock_timestamp()
"""

# Systems whose slot rows this process has seen to, with how many.
_present: dict[str, int] = {}


def take_slots(system: ConnectedSystem, wanted: int, *, holder: str, lease_s: float) -> list[int]:
    """Up to `wanted` slots, in one statement; fewer, or none, when others hold them.

    holder:  who took them (process and batch), at most 64 characters; only it can release them.
    lease_s: longest a call may run plus the longest the vendor may still work on it; then they come back by themselves.
    """
    if wanted <= 0:
        return []
    most = system.max_concurrency
    with connection.cursor() as cursor:
        if _present.get(system.code, 0) < most:
            cursor.execute(_ADD, {"system": system.code, "most": most})
            _present[system.code] = most
        cursor.execute(
            _TAKE, {"system": system.code, "most": most, "wanted": wanted, "holder": holder, "lease_s": lease_s}
        )
        return [row[0] for row in cursor.fetchall()]


def release_slots(system: ConnectedSystem, slots: Sequence[int], *, holder: str) -> int:
    """Give slots back; those whose lease ran out and went to another holder stay with it. Returns how many came back."""
    if not slots:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, {"system": system.code, "slots": list(slots), "holder": holder})
        return cursor.rowcount


def slots_in_use(system: ConnectedSystem) -> int:
    """How many calls hold a slot now."""
    with connection.cursor() as cursor:
        cursor.execute(_IN_USE, {"system": system.code})
        return int(cursor.fetchone()[0])
