"""The bell: which task wakes which queue, how often, and settings under which losing Redis loses only time."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from celery import Celery, signals
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")

app = Celery("tieout", include=["config.heartbeat"])
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

INBOX, PROCESS, OUTBOX, MONTH_END = "inbox", "process", "outbox", "month_end"
SEND = "apps.events.tasks.send_commands"
ALIVE = "config.heartbeat.report_alive"

# A wake-up names nothing; the worker asks the tables what is due.
QUEUE_OF_TASK = {
    SEND: OUTBOX,
    "apps.events.tasks.poll_systems": INBOX,
    "apps.events.tasks.watch_in_flight": INBOX,
    "apps.processes.tasks.consume_inbox": INBOX,
    "apps.processes.tasks.wake_due_steps": PROCESS,
    "apps.exceptions.tasks.escalate_overdue": PROCESS,
}


def route(name: str, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any], **_: Any) -> Any:
    """Queue of a wake-up. The queue asked for wins, so `send_commands` can be rung for one system alone."""
    if options.get("queue"):
        return None
    return {"queue": QUEUE_OF_TASK.get(name, PROCESS)}


def outbox_queue(system: str) -> str:
    """The queue that is rung when commands for this system wait."""
    return f"{OUTBOX}.{system}" if system in settings.CONNECTED_SYSTEMS else OUTBOX


def outbox_queues() -> tuple[str, ...]:
    """Every queue a worker that talks to other systems has to listen to."""
    return (OUTBOX, *(outbox_queue(system) for system in settings.CONNECTED_SYSTEMS), MONTH_END)


def _every(seconds: float, task: str, *, queue: str | None = None) -> dict[str, Any]:
    # A wake-up that waited longer than its own period is worth nothing.
    options: dict[str, Any] = {"expires": seconds} | ({"queue": queue} if queue else {})
    return {"task": task, "schedule": seconds, "options": options}


BEAT: dict[str, dict[str, Any]] = {
    "consume the inbox": _every(2, "apps.processes.tasks.consume_inbox"),
    "wake steps that are due": _every(5, "apps.processes.tasks.wake_due_steps"),
    "send commands": _every(2, SEND),
    "ask the systems for news": _every(15, "apps.events.tasks.poll_systems"),
    "find what nobody answered": _every(15, "apps.events.tasks.watch_in_flight"),
    "escalate overdue cases": _every(60, "apps.exceptions.tasks.escalate_overdue"),
    "see that the inbox worker lives": _every(5, ALIVE, queue=INBOX),
    "see that the outbox worker lives": _every(5, ALIVE, queue=OUTBOX),
}

app.conf.task_routes = (route,)
app.conf.beat_schedule = BEAT


@signals.setup_logging.connect
def _keep_our_logging(**_: Any) -> None:
    """Connected so that Celery leaves LOGGING alone: its own format knows neither stories nor secrets."""
