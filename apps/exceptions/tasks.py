"""Wake-ups of the case room."""

from celery import shared_task

from apps.exceptions.escalation import escalate_due

BATCH = 500


@shared_task
def escalate_overdue() -> int:
    """Hand overdue cases to the next role, batch by batch until none is left. Safe to run in parallel."""
    escalated = 0
    while batch := escalate_due(most=BATCH):
        escalated += batch
    return escalated
