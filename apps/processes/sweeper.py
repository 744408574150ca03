"""The sweeper: what has been due for a while and that nobody took is rung for, then done by itself."""

from django.db import connection

from apps.connectors import breaker
from apps.events import bell
from apps.processes import work_off

RING_AFTER_S = 1.0
# Workers that are alive take up a ring within moments; after this they are taken for away.
DRAIN_AFTER_S = 6.0
DRAIN_FOR_S = 5.0

_LATEST = f"""
SELECT GREATEST(
    (SELECT extract(epoch FROM clock_timestamp() - min(due_at)) FROM events_stream
     WHERE due_at <= clock_timestamp() AND (lease_until IS NULL OR lease_until < clock_timestamp())),
    (SELECT extract(epoch FROM clock_timestamp() - min(c.due_at)) FROM events_outboxcommand c
     JOIN connectors_connectedsystem s ON s.code = c.system AND s.enabled
       AND (s.paused_until IS NULL OR s.paused_until <= clock_timestamp())
       AND (s.breaker_state = 'closed' OR ({breaker.REST_IS_OVER}))
     WHERE c.state IN ('pending', 'sent', 'unknown', 'accepted') AND c.due_at <= clock_timestamp()
       AND (c.lease_until IS NULL OR c.lease_until < clock_timestamp())
       AND NOT EXISTS (SELECT 1 FROM events_outboxcommand e WHERE e.ordering_key = c.ordering_key AND e.id < c.id
                       AND e.state IN ('pending', 'sent', 'unknown', 'accepted'))))
"""  # noqa: S608  a constant of breaker.py


def sweep() -> int:
    """Ring for what is overdue; drain it here when the bell is dumb or rings in vain. Returns what was done here."""
    late_s = _lateness_s()
    if late_s < RING_AFTER_S:
        return 0
    heard = bell.ring_all()
    if heard and late_s < DRAIN_AFTER_S:
        return 0
    return work_off.drain(budget_s=DRAIN_FOR_S)


def _lateness_s() -> float:
    with connection.cursor() as cursor:
        cursor.execute(_LATEST, breaker.rest_terms())
        (late_s,) = cursor.fetchone()
    return float(late_s or 0.0)
