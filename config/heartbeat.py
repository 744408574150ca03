"""Signs of life: beat rings, a worker of each kind answers, /health/ sees how long ago that was."""

from typing import Any

import redis
from celery import Task, shared_task, signals
from django.conf import settings

KINDS = ("inbox", "outbox")
KEEP_S = 600
LATE_AFTER_S = 30


@shared_task(bind=True)
def report_alive(self: Task) -> None:
    """Note that the worker behind the queue this came by is at work."""
    _note(self.request.delivery_info["routing_key"])


@signals.worker_ready.connect
def report_readiness(sender: Any, **_: Any) -> None:
    """A worker that begins to listen says so at once, without waiting for the clock."""
    for kind in set(KINDS) & set(sender.app.amqp.queues.consume_from):
        _note(kind)


def late_workers() -> dict[str, str]:
    """Kind of worker → what is wrong with it; empty when all are at work. Raises redis.RedisError."""
    with _client() as client:
        ages = {kind: _age_s(client, kind) for kind in KINDS}
    return {kind: _words(age) for kind, age in ages.items() if age is None or age > LATE_AFTER_S}


def _note(kind: str) -> None:
    with _client() as client:
        client.set(_key(kind), "alive", ex=KEEP_S)


def _age_s(client: redis.Redis, kind: str) -> int | None:
    # The clock is Redis's own: the machines need not agree on the time.
    left_s = client.ttl(_key(kind))
    return KEEP_S - int(left_s) if int(left_s) >= 0 else None


def _words(age_s: int | None) -> str:
    return "has not reported yet" if age_s is None else f"last reported {age_s} s ago"


def _key(kind: str) -> str:
    return f"tieout:alive:{kind}"


def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
