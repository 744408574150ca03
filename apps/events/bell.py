"""The bell: tells workers that a table has something due. Losing a ring loses time, never data."""

import threading
import time

import structlog
from celery import current_app as app
from kombu.pools import producers

log = structlog.get_logger(__name__)

# Workers look once more this long after they found nothing, so rings closer together than REST_S add nothing.
LINGER_S = 0.06
REST_S = 0.02
SILENT_AFTER_FAILURE_S = 5.0
_EXPIRES_S = 5
# A caller waits for this at most once or twice in SILENT_AFTER_FAILURE_S.
_TIMEOUT_S = 0.15

_lock = threading.Lock()
_rung_at: dict[str, float] = {}
_silent_until = 0.0


def ring_inbox() -> None:
    """Something was accepted. Never raises; call it after commit."""
    _ring("apps.processes.tasks.consume_inbox", queue="inbox")


def ring_outbox(systems: list[str]) -> None:
    """Commands were enqueued for these systems. Never raises; call it after commit."""
    for code in systems:
        _ring("apps.events.tasks.send_commands", queue=f"outbox.{code}", system=code)


def ring_all() -> bool:
    """Ring for the inbox and for every system; False when nobody can hear it."""
    _ring("apps.processes.tasks.consume_inbox", queue="inbox")
    return _ring("apps.events.tasks.send_commands", queue="process")


def _ring(task: str, *, queue: str, **arguments: str) -> bool:
    global _silent_until
    now = time.monotonic()
    with _lock:
        if now < _silent_until:
            return False
        if now - _rung_at.get(queue, 0.0) < REST_S:
            return True
        _rung_at[queue] = now
    try:
        connection = app.connection_for_write()
        connection.transport_options = {
            **(connection.transport_options or {}),
            "max_retries": 0,
            "socket_timeout": _TIMEOUT_S,
            "socket_connect_timeout": _TIMEOUT_S,
        }
        with producers[connection].acquire(block=True, timeout=_TIMEOUT_S) as producer:
            app.send_task(
                task,
                kwargs=arguments,
                queue=queue,
                expires=_EXPIRES_S,
                retry=False,
                ignore_result=True,
                producer=producer,
            )
    except Exception as error:
        _silent_until = time.monotonic() + SILENT_AFTER_FAILURE_S
        log.warning("the bell cannot ring, the sweeper will", queue=queue, error=str(error))
        return False
    return True
