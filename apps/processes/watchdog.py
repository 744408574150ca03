"""The watchdog: nothing waits for ever unseen. A step that waits too long is told so on its own stream."""

from datetime import timedelta

from django.db import transaction

from apps.canonical import events
from apps.core import clock
from apps.events import bell, inbox
from apps.events.inbox import message
from apps.processes.models import ProcessRun, ProcessStep
from apps.processes.states import StepState

MOST_AT_ONCE = 500
# A step that goes on waiting is looked at again after this.
AGAIN_AFTER = timedelta(hours=24)


def find_overdue() -> int:
    """Tell the streams of overdue steps; the case is opened there, under their lease. Returns how many. Twice is safe."""
    with transaction.atomic():
        runs = list(
            ProcessRun.objects.select_for_update(skip_locked=True)
            .filter(overdue_at__lte=clock.now())
            .order_by("overdue_at")[:MOST_AT_ONCE]
        )
        waiting = {
            step.run_id: step
            for step in ProcessStep.objects.filter(run_id__in=[run.pk for run in runs], state=StepState.WAITING)
        }
        inbox.store([_reminder(run, waiting[run.pk]) for run in runs if run.pk in waiting])
        ProcessRun.objects.filter(pk__in=[run.pk for run in runs]).update(overdue_at=clock.now() + AGAIN_AFTER)
    if runs:
        bell.ring_inbox()
    return len(runs)


def _reminder(run: ProcessRun, step: ProcessStep) -> inbox.Message:
    return message(
        events.STEP_OVERDUE,
        {"step": step.name},
        stream_key=run.stream_key,
        external_id=f"overdue:{step.pk}:{step.attempt}:{run.overdue_at:%Y%m%d%H}",
        correlation_id=run.correlation_id,
        reference=step.pk,
    )
