"""Replaying many dead letters at once: the decision `replay`, taken on a set of cases with a few statements."""

from collections.abc import Iterator, Sequence

from django.db import transaction
from django.db.models import F

from apps.access.models import User
from apps.access.policy import may
from apps.audit.work import Work
from apps.events import bell, inbox
from apps.events.models import InboxEvent
from apps.events.states import EventState
from apps.exceptions.actions.sets import begin_resolving
from apps.exceptions.catalogue import may_decide
from apps.exceptions.models import ExceptionCase
from apps.processes.decisions.on_step import event_number
from apps.processes.decisions.replay import REPLAY

SET_SIZE = 500


def replay_dead_letters(case_ids: Sequence[int], *, by: User, why: str = "") -> Iterator[int]:
    """Read again the dead events these cases are about, set by set; yields how many each set replayed.

    Each set is a transaction, so stopping half-way keeps what was done. Cases that are closed by now, about something
    else, or not this person's to decide are passed over; calling twice replays nothing twice.
    """
    for first in range(0, len(case_ids), SET_SIZE):
        yield _replay(case_ids[first : first + SET_SIZE], by=by, why=why)


def _replay(case_ids: Sequence[int], *, by: User, why: str) -> int:
    with transaction.atomic():
        work = Work()
        cases = {
            number: case
            for case in work.lock(ExceptionCase, case_ids).values()
            if (number := event_number(case)) is not None and _may_replay(case, by)
        }
        dead = InboxEvent.objects.filter(pk__in=cases, state=EventState.DEAD).order_by("pk").select_for_update()
        events = list(dead)
        inbox.store([inbox.replay_of(event) for event in events])
        InboxEvent.objects.filter(pk__in=[event.pk for event in events]).update(attempts=F("attempts") + 1)
        for event in events:
            case = cases[event.pk]
            work.note(case, verb=f"decide {REPLAY.name}", by=by.actor, why=why, story=case.correlation_id)
            case.attempts += 1
        begin_resolving(work, [cases[event.pk].pk for event in events], by=by.actor, why=why or REPLAY.name)
        work.flush()
        transaction.on_commit(bell.ring_inbox)
    return len(events)


def _may_replay(case: ExceptionCase, by: User) -> bool:
    return case.is_open and may_decide(case.kind, REPLAY.name) and may(by, REPLAY.permission, entity=case.entity)
