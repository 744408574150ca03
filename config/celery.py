"""The bell: which task wakes which queue, how often, and settings under which losing Redis loses only time."""

import os
from typing import Any

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")

app = Celery("tieout")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

# A wake-up names nothing; the worker asks the tables what is due.
ROUTES: dict[str, dict[str, str]] = {
    "apps.events.tasks.poll_systems": {"queue": "inbox"},
    "apps.events.tasks.watch_in_flight": {"queue": "inbox"},
    "apps.processes.tasks.consume_inbox": {"queue": "inbox"},
    "apps.processes.tasks.wake_due_steps": {"queue": "process"},
    "apps.processes.tasks.reconcile": {"queue": "process"},
    "apps.exceptions.tasks.escalate_overdue": {"queue": "process"},
}


def _every(seconds: float, task: str) -> dict[str, Any]:
    # A wake-up that waited longer than its own period is worth nothing.
    return {"task": task, "schedule": seconds, "options": {"expires": seconds}}


BEAT: dict[str, dict[str, Any]] = {
    "consume the inbox": _every(2, "apps.processes.tasks.consume_inbox"),
    "wake steps that are due": _every(5, "apps.processes.tasks.wake_due_steps"),
    "send commands": _every(2, "apps.events.tasks.send_commands"),
    "ask the systems for news": _every(15, "apps.events.tasks.poll_systems"),
    "find what nobody answered": _every(15, "apps.events.tasks.watch_in_flight"),
    "escalate overdue cases": _every(60, "apps.exceptions.tasks.escalate_overdue"),
    "compare our truth with the owners'": _every(3600, "apps.processes.tasks.reconcile"),
}

app.conf.task_routes = ROUTES
app.conf.beat_schedule = BEAT
