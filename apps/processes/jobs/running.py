"""A job at work: items in order, at the platforms' pace, the first few alone, and each result seen before it counts."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from apps.access.models import User
from apps.access.policy import require
from apps.connectors.models import ConnectedSystem
from apps.core import clock
from apps.core.actor import Actor
from apps.core.errors import TieoutError
from apps.exceptions.errors import NotPossible
from apps.exceptions.models import ExceptionCase
from apps.governance.people import person_behind
from apps.processes.decisions import registry
from apps.processes.jobs.planning import note
from apps.processes.models import Job, JobItem, Ruling
from apps.processes.states import ItemState, JobState, RulingState

# Items of one object's kind that may be under way at once where no platform sets a limit.
MOST_AT_ONCE = 20
MOST_JOBS = 20
# An item that was chosen and never taken up, because its worker died, is chosen again after this.
LOST_AFTER = timedelta(seconds=60)
CANARY = 3
_UNDER_WAY = (ItemState.RUNNING, ItemState.ASKED)


def start(job_id: int, *, by: User, canary: int = 0, starts_at: datetime | None = None) -> Job:
    """Carry a planned job out. `canary`: how many go alone first; when one of them fails the job halts."""
    require(by, "replay.bulk")
    with transaction.atomic():
        job = _held(job_id, JobState.PLANNED)
        job.state, job.canary, job.starts_at = JobState.RUNNING, max(0, canary), starts_at or clock.now()
        job.save(update_fields=["state", "canary", "starts_at"])
        note(job, verb="start", by=by, after={"canary": job.canary})
    advance(job.pk)
    return job


def go_on(job_id: int, *, by: User) -> Job:
    """The first few did not all help, and a person says to go on all the same."""
    require(by, "replay.bulk")
    with transaction.atomic():
        job = _held(job_id, JobState.HALTED)
        job.state, job.canary = JobState.RUNNING, 0
        job.save(update_fields=["state", "canary"])
        note(job, verb="go on", by=by)
    advance(job.pk)
    return job


def cancel_rest(job_id: int, *, by: User, why: str = "") -> Job:
    """What is not begun is not begun any more; what is under way ends by itself."""
    require(by, "replay.bulk")
    with transaction.atomic():
        job = _held(job_id, JobState.PLANNED, JobState.RUNNING, JobState.HALTED)
        at = clock.now()
        cancelled = JobItem.objects.filter(job=job, state=ItemState.PLANNED).update(
            state=ItemState.CANCELLED, note=f"cancelled by {by}", ended_at=at
        )
        job.state = JobState.RUNNING if job.items.filter(state__in=_UNDER_WAY).exists() else JobState.CANCELLED
        job.starts_at, job.ended_at = job.starts_at or at, at if job.state == JobState.CANCELLED else None
        job.save(update_fields=["state", "starts_at", "ended_at"])
        note(job, verb="cancel the rest", by=by, why=why, after={"cancelled": cancelled})
    return job


def retry_failed(job_id: int, *, by: User) -> Job:
    """The items that failed go again, and only they."""
    require(by, "replay.bulk")
    with transaction.atomic():
        job = _held(job_id, JobState.RUNNING, JobState.HALTED, JobState.DONE, JobState.CANCELLED)
        again = JobItem.objects.filter(job=job, state=ItemState.FAILED).update(
            state=ItemState.PLANNED, note="", started_at=None, ended_at=None, taken_version=0
        )
        if not again:
            raise NotPossible(f"Nothing of {job.number} has failed.")
        job.state, job.canary, job.ended_at = JobState.RUNNING, 0, None
        job.save(update_fields=["state", "canary", "ended_at"])
        note(job, verb="retry failed", by=by, after={"again": again})
    advance(job.pk)
    return job


def advance_all() -> int:
    """One look at every job at work; returns how many items were begun. Twice is safe."""
    due = Job.objects.filter(state=JobState.RUNNING, starts_at__lte=clock.now()).order_by("starts_at")
    return sum(advance(pk) for pk in due.values_list("pk", flat=True)[:MOST_JOBS])


def advance(job_id: int) -> int:
    """See what has come of items under way, and begin those whose turn it is; returns how many were begun."""
    with transaction.atomic():
        job = Job.objects.select_for_update(skip_locked=True).filter(pk=job_id, state=JobState.RUNNING).first()
        if job is None or (job.starts_at and job.starts_at > clock.now()):
            return 0
        _see_results(job)
        chosen = _choose(job)
        _end_or_halt(job)
    for item in chosen:
        _take(job, item)
    if chosen:
        # What asks nothing of any system is over by now.
        with transaction.atomic():
            held = Job.objects.select_for_update(skip_locked=True).filter(pk=job_id, state=JobState.RUNNING).first()
            if held is not None:
                _end_or_halt(held)
    return len(chosen)


def _see_results(job: Job) -> None:
    """An item counts as done only when its case is really closed."""
    items = list(job.items.filter(state__in=_UNDER_WAY).select_related("case"))
    asked = set(
        Ruling.objects.filter(
            case_id__in=[item.case_id for item in items], state__in=[RulingState.ASKED, RulingState.WAITING]
        ).values_list("case_id", flat=True)
    )
    for item in items:
        case = item.case
        if not item.taken_version:
            if item.started_at is None or clock.now() - item.started_at > LOST_AFTER:
                item.state = ItemState.PLANNED
        elif not case.is_open:
            _ended(item, ItemState.DONE, f"{case.number} is {case.state}: {case.resolution}")
        elif case.state == "resolving":
            item.state = ItemState.ASKED if case.pk in asked else ItemState.RUNNING
        else:
            _ended(item, ItemState.FAILED, case.cause)
    JobItem.objects.bulk_update(items, ["state", "note", "ended_at"])


def _choose(job: Job) -> list[JobItem]:
    """The next items: lower ranks first, one per object at a time, no more per platform than it bears."""
    planned = list(job.items.filter(state=ItemState.PLANNED).order_by("rank", "pk"))
    under_way = list(job.items.filter(state=ItemState.RUNNING))
    if not planned:
        return []
    rank = min(item.rank for item in (*planned, *under_way))
    room = _room({item.system for item in planned}, under_way)
    busy = {item.stream_key for item in under_way if item.stream_key}
    allowed = _canary_room(job)
    chosen: list[JobItem] = []
    for item in planned:
        if item.rank != rank or len(chosen) == allowed:
            break
        if room[item.system] > 0 and item.stream_key not in busy:
            room[item.system] -= 1
            busy |= {item.stream_key} - {""}
            item.state, item.started_at, item.taken_version = ItemState.RUNNING, clock.now(), 0
            item.tries += 1
            chosen.append(item)
    JobItem.objects.bulk_update(chosen, ["state", "started_at", "taken_version", "tries"])
    return chosen


def _canary_room(job: Job) -> int:
    """How many may be begun now: until the first few have all helped, none beyond them."""
    if not job.canary:
        return MOST_AT_ONCE
    states = Counter(job.items.values_list("state", flat=True))
    begun = sum(states[state] for state in (*_UNDER_WAY, ItemState.DONE, ItemState.FAILED))
    if states[ItemState.DONE] >= job.canary and not states[ItemState.FAILED]:
        return MOST_AT_ONCE
    return max(0, job.canary - begun)


def _room(systems: Iterable[str], under_way: Sequence[JobItem]) -> Counter[str]:
    """How many more each platform bears now; none where it may not be called at all."""
    now = clock.now()
    room: Counter[str] = Counter(dict.fromkeys(systems, MOST_AT_ONCE))
    for row in ConnectedSystem.objects.filter(code__in=room):
        may_be_called = row.enabled and (row.paused_until is None or row.paused_until <= now)
        room[row.code] = row.max_concurrency if may_be_called else 0
    room.subtract(item.system for item in under_way if item.system in room)
    return room


def _end_or_halt(job: Job) -> None:
    states = Counter(job.items.values_list("state", flat=True))
    if job.canary and states[ItemState.FAILED] and not sum(states[state] for state in _UNDER_WAY):
        job.state = JobState.HALTED if states[ItemState.PLANNED] else JobState.DONE
    elif not sum(states[state] for state in (*_UNDER_WAY, ItemState.PLANNED)):
        job.state = JobState.DONE
    if job.state == JobState.DONE:
        job.ended_at = clock.now()
    job.save(update_fields=["state", "ended_at"])


def _take(job: Job, item: JobItem) -> None:
    """Take the decision on one case, in a transaction of its own; what goes wrong is that item's own matter."""
    try:
        person = person_behind(Actor("person", job.by.partition(":")[2]))
        if person is None:
            raise NotPossible(f"{job.by} has no active account any more.")
        with transaction.atomic():
            registry.apply(job.decision, case_id=item.case_id, by=person, why=job.why, inputs=job.inputs)
            case = ExceptionCase.objects.get(pk=item.case_id)
            item.taken_version = case.version
            if case.state != "resolving":
                _ended(item, ItemState.DONE, registry.DECISIONS[job.decision].done)
            item.save(update_fields=["state", "note", "taken_version", "ended_at"])
    except TieoutError as error:
        item.taken_version = 0
        state = ItemState.SKIPPED if not _is_open(item.case_id) else ItemState.FAILED
        _ended(item, state, str(error))
        item.save(update_fields=["state", "note", "taken_version", "ended_at"])


def _is_open(case_id: int) -> bool:
    return ExceptionCase.objects.get(pk=case_id).is_open


def _ended(item: JobItem, state: ItemState, why: str) -> None:
    item.state, item.note, item.ended_at = state, why[:2000], clock.now()


def _held(job_id: int, *states: JobState) -> Job:
    job = Job.objects.select_for_update().filter(pk=job_id).first()
    if job is None:
        raise NotPossible(f"JOB-{job_id} does not exist.")
    if job.state not in states:
        raise NotPossible(f"{job.number} is {job.get_state_display().lower()} by now.")
    return job
