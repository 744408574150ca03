"""The watch over what nobody answered: finds events without a due stream, which should not exist, and wakes them."""

import structlog
from django.db import connection

from apps.events import streams

log = structlog.get_logger(__name__)


def wake_forgotten(*, older_than_s: float = 30.0) -> int:
    """Wake streams that hold unsettled events and are neither due nor leased; returns how many. Twice does no harm.

    Nothing should ever be found. When something is, it is logged: it is a defect that would have cost an event.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT e.stream_key FROM events_inboxevent e LEFT JOIN events_stream s ON s.key = e.stream_key "
            "WHERE e.state = 'received' AND e.received_at < clock_timestamp() - make_interval(secs => %s) "
            "AND s.due_at IS NULL AND (s.lease_until IS NULL OR s.lease_until < clock_timestamp()) LIMIT 1000",
            [older_than_s],
        )
        keys = [key for (key,) in cursor.fetchall()]
    if keys:
        log.error("events without a due stream were found", streams=len(keys), first=keys[0])
        streams.wake(keys)
    return len(keys)
