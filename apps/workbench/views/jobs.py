"""Decisions on many cases: the group of one cause, the dry run, and the job at work."""

from collections.abc import Callable
from typing import cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from apps.access.errors import NotAllowed
from apps.access.models import User
from apps.access.policy import may
from apps.core.errors import BadInput
from apps.exceptions import queries
from apps.exceptions.catalogue import kind_of
from apps.exceptions.errors import NotPossible
from apps.exceptions.models import ExceptionCase
from apps.processes.decisions.registry import DECISIONS
from apps.processes.jobs import planning, running
from apps.processes.models import Job, ProcessStep
from apps.workbench import job_page
from apps.workbench.decision_form import DecisionForm
from apps.workbench.screen import screen


@screen(needs="cases.view")
def jobs(request: HttpRequest) -> HttpResponse:
    """The latest jobs."""
    return render(request, "workbench/jobs/list.html", {"jobs": job_page.visible_jobs(_user(request))})


@screen(needs="cases.view")
def job(request: HttpRequest, number: int) -> HttpResponse:
    """One job: its dry run, then its results."""
    row = _visible(request, number)
    panel = job_page.panel_of(row, user=_user(request), query=request.GET)
    return render(request, "workbench/jobs/job.html", {"panel": panel})


@require_POST
@screen(needs="replay.bulk")
def act(request: HttpRequest, number: int, action: str) -> HttpResponse:
    """Start, go on, cancel the rest, or retry what failed."""
    row, user = _visible(request, number), _user(request)
    do = _ACTIONS.get(action)
    if do is None:
        raise Http404(action)
    try:
        do(row, user)
    except NotPossible as error:
        messages.error(request, str(error))
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from error
    return redirect("workbench:job", number=number)


@screen(needs="cases.view")
def group(request: HttpRequest, fingerprint: str) -> HttpResponse:
    """Every case of one cause, and what may be decided on all of them at once."""
    return _group(request, fingerprint)


@require_POST
@screen(needs="replay.bulk")
def plan(request: HttpRequest, fingerprint: str, decision: str) -> HttpResponse:
    """Freeze the open cases of the group and show what the decision would do."""
    user, members = _user(request), _members(request, fingerprint)
    if decision not in _for_group(members[0]):
        raise Http404(f"{decision} is not for groups of this kind")
    form = _form(decision, members[0], request)
    if not form.is_valid():
        return _group(request, fingerprint, failed=(decision, form), status=422)
    try:
        row = planning.plan(
            [case.pk for case in job_page.open_members(members)],
            decision=decision,
            by=user,
            why=form.cleaned_data["why"],
            inputs=form.inputs(),
            fingerprint=fingerprint,
        )
    except BadInput as error:
        form.refuse(error)
        return _group(request, fingerprint, failed=(decision, form), status=422)
    return redirect("workbench:job", number=row.pk)


def _group(
    request: HttpRequest, fingerprint: str, *, failed: tuple[str, DecisionForm] | None = None, status: int = 200
) -> HttpResponse:
    members = _members(request, fingerprint)
    still_open = job_page.open_members(members)
    offers = []
    if still_open and may(_user(request), "replay.bulk"):
        forms = dict([failed]) if failed else {}
        offers = [
            (DECISIONS[name], forms.get(name) or _form(name, still_open[0])) for name in _for_group(still_open[0])
        ]
    context = {
        "fingerprint": fingerprint,
        "cases": members,
        "first": members[0],
        "still_open": len(still_open),
        "at_risk": job_page.money_of(still_open),
        "offers": offers,
        "failed": failed,
    }
    return render(request, "workbench/jobs/group.html", context, status=status)


def _members(request: HttpRequest, fingerprint: str) -> list[ExceptionCase]:
    members = list(queries.group_members(_user(request), fingerprint)[: planning.MOST])
    if not members:
        raise Http404(fingerprint)
    return members


def _for_group(case: ExceptionCase) -> list[str]:
    allowed = kind_of(case.kind).decisions
    return [each.name for each in DECISIONS.values() if each.in_groups and each.name in allowed]


def _form(name: str, case: ExceptionCase, request: HttpRequest | None = None) -> DecisionForm:
    decision = DECISIONS[name]
    step = ProcessStep.objects.filter(pk=case.reference).first()
    given = {**request.POST.dict(), "expected_version": 0} if request else None
    return DecisionForm(
        given,
        needs_why=decision.needs_why,
        inputs=decision.inputs(case, step),
        auto_id=f"id_{name}_%s",
        initial={"expected_version": 0},
    )


def _visible(request: HttpRequest, number: int) -> Job:
    row = Job.objects.filter(pk=number).first()
    if row is None or not job_page.sees(row, _user(request)):
        raise Http404(f"JOB-{number}")
    return row


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)


_ACTIONS: dict[str, Callable[[Job, User], object]] = {
    "start": lambda row, user: running.start(row.pk, by=user),
    "canary": lambda row, user: running.start(row.pk, by=user, canary=running.CANARY),
    "go-on": lambda row, user: running.go_on(row.pk, by=user),
    "cancel": lambda row, user: running.cancel_rest(row.pk, by=user),
    "retry": lambda row, user: running.retry_failed(row.pk, by=user),
}
