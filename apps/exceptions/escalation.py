"""Cases nobody dealt with in time go up to the next role, once per due time."""

from django.db import transaction
from django.db.models import F, Q

from apps.audit.work import Work
from apps.core import clock
from apps.core.actor import system
from apps.exceptions.actions.people import escalate
from apps.exceptions.models import ExceptionCase
from apps.exceptions.states import LIVE_STATES

_BY = system("tieout")


def escalate_due(*, most: int = 500) -> int:
    """Escalate up to `most` overdue cases in one transaction and return how many. Safe to run in parallel."""
    now = clock.now()
    waiting = Q(snoozed_until__isnull=True) | Q(snoozed_until__lte=now)
    not_yet = Q(escalated_at__isnull=True) | Q(escalated_at__lt=F("due_at"))
    with transaction.atomic():
        overdue = ExceptionCase.objects.filter(waiting & not_yet, state__in=LIVE_STATES, due_at__lt=now)
        # Whoever else escalates right now has its rows locked; those are not ours to wait for.
        pks = list(overdue.order_by("due_at").select_for_update(skip_locked=True).values_list("pk", flat=True)[:most])
        work = Work()
        for case in work.lock(ExceptionCase, pks).values():
            escalate(work, case, by=_BY, why=f"was due at {case.due_at:%Y-%m-%d %H:%M} UTC")
        work.flush()
    return len(pks)
