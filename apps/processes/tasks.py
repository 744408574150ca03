"""Wake-ups of the process room: doors, not rooms."""

from celery import shared_task

from apps.processes import watchdog, work_off
from apps.processes.decisions import park_until
from apps.processes.jobs import running


@shared_task
def consume_inbox() -> int:
    """Apply what waits in the inbox until nothing does. Safe to run in parallel."""
    return work_off.consume_all()


@shared_task
def wake_due_steps() -> int:
    """Find steps that wait longer than they should, try again what waited for its day, and move jobs on."""
    return watchdog.find_overdue() + park_until.wake_parked() + running.advance_all()
