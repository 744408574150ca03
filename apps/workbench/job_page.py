"""What a job's page shows: its dry run or its results, item by item, and what may be done with it."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.http import QueryDict

from apps.access.models import User
from apps.access.policy import entities, may
from apps.core.money import Money
from apps.exceptions.models import ExceptionCase
from apps.exceptions.states import LIVE_STATES
from apps.processes.decisions.registry import DECISIONS
from apps.processes.jobs.planning import Tally, tallies
from apps.processes.models import Job, JobItem
from apps.processes.states import ItemState, JobState
from apps.workbench.queue import person_name

PAGE = 100


@dataclass(frozen=True, slots=True)
class JobPanel:
    """One job as its page shows it."""

    id: int
    number: str
    title: str
    decision: str
    why: str
    by: str
    state: str
    job: Job
    tallies: Sequence[Tally]
    page: Page[JobItem]
    inputs: Sequence[tuple[str, str]]
    needs_approval: int
    actions: Sequence[tuple[str, str]]
    done: int
    total: int


def panel_of(job: Job, *, user: User, query: QueryDict) -> JobPanel:
    """The panel of a job this user may see."""
    counted = tallies(job)
    by_state = {tally.state: tally.items for tally in counted}
    items = job.items.select_related("case").order_by("rank", "pk")
    return JobPanel(
        id=job.pk,
        number=job.number,
        title=job.title,
        decision=DECISIONS[job.decision].label,
        why=job.why,
        by=person_name(job.by),
        state=job.state,
        job=job,
        tallies=counted,
        page=Paginator(items, PAGE).get_page(query.get("page")),
        inputs=[(name.replace("_", " ").capitalize(), str(value)) for name, value in job.inputs.items()],
        needs_approval=job.items.filter(needs_approval=True).count(),
        actions=tuple(_actions(job, by_state)) if may(user, "replay.bulk") else (),
        done=by_state.get(ItemState.DONE, 0),
        total=sum(by_state.values()) - by_state.get(ItemState.SKIPPED, 0),
    )


def visible_jobs(user: User) -> Sequence[Job]:
    """The latest jobs of which the user may see every case, newest first."""
    jobs = Job.objects.order_by("-pk")
    scope = entities(user)
    if scope is not None:
        others = ExceptionCase.objects.exclude(entity__in=scope)
        jobs = jobs.exclude(items__case__in=others)
    return list(jobs[:PAGE])


def sees(job: Job, user: User) -> bool:
    """Whether every case of the job is of the user's entities."""
    scope = entities(user)
    return scope is None or not job.items.exclude(case__entity__in=scope).exists()


def open_members(cases: Sequence[ExceptionCase]) -> list[ExceptionCase]:
    """Those a person still has to act on."""
    return [case for case in cases if case.state in LIVE_STATES]


def money_of(cases: Sequence[ExceptionCase]) -> list[Money]:
    """One sum per currency."""
    sums: dict[str, Money] = {}
    for case in cases:
        if money := case.money:
            sums[money.currency] = sums[money.currency] + money if money.currency in sums else money
    return [sums[currency] for currency in sorted(sums)]


def _actions(job: Job, by_state: dict[str, int]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    planned, failed = by_state.get(ItemState.PLANNED, 0), by_state.get(ItemState.FAILED, 0)
    if job.state == JobState.PLANNED and planned:
        found.append(("start", f"Decide {planned}"))
        if planned > 3:
            found.append(("canary", "Three first, then the rest"))
    if job.state == JobState.HALTED:
        found.append(("go-on", f"Go on with the other {planned}"))
    if planned and job.state in (JobState.PLANNED, JobState.RUNNING, JobState.HALTED):
        found.append(("cancel", "Cancel the rest"))
    if failed and job.state != JobState.PLANNED:
        found.append(("retry", f"Retry the {failed} that failed"))
    return found
