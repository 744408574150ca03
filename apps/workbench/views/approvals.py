"""Activations: the queue of what waits for approval, one of them with its dry run, and the answer."""

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from apps.access.errors import NotAllowed
from apps.access.policy import may
from apps.core.errors import Conflict
from apps.governance.errors import NotPossible
from apps.processes.decisions import approval
from apps.projects.models import Project
from apps.workbench import activation_queue
from apps.workbench.activation_page import ActivationPanel, panel_of
from apps.workbench.answer_form import AnswerForm
from apps.workbench.keyset import page_of
from apps.workbench.screen import screen, user_of


@screen(needs="approvals.view")
def activations(request: HttpRequest) -> HttpResponse:
    """The queue, the longest waiting first."""
    user = user_of(request)
    view = request.GET.get("view") or ("mine" if may(user, "approvals.decide") else "waiting")
    view = view if view in activation_queue.VIEWS else "all"
    page = page_of(activation_queue.activations(user, view=view), keys=activation_queue.ORDER, query=request.GET)
    context = {
        "view": view,
        "tabs": activation_queue.tabs(user, view=view),
        "page": page,
        "lines": activation_queue.lines(page.rows, user=user),
    }
    return render(request, "workbench/approvals/queue.html", context)


@screen(needs="approvals.view")
def activation(request: HttpRequest, project_id: str) -> HttpResponse:
    """One activation: checks, dry run, differences, approvals, and after approval its steps."""
    return _shown(request, panel_of(_visible(request, project_id), user=user_of(request)))


@require_POST
@screen(needs="approvals.view")
def answer(request: HttpRequest, project_id: str) -> HttpResponse:
    """Grant or refuse what was ticked, all or nothing: 303 when done, 409 when something has changed, 422, 403."""
    project = _visible(request, project_id)
    panel = panel_of(project, user=user_of(request))
    form = AnswerForm(request.POST, asks=[(ask.id, ask.what) for ask in panel.asks])
    if not form.is_valid():
        return _shown(request, panel, form=form, status=422)
    chosen = form.cleaned_data["approval"]
    decide = approval.grant if form.cleaned_data["answer"] == "grant" else approval.refuse
    try:
        with transaction.atomic():
            for one in chosen:
                version, seen_hash = form.seen(one)
                decide(
                    one,
                    by=user_of(request).actor,
                    why=form.cleaned_data["why"],
                    expected_version=version,
                    seen_hash=seen_hash,
                )
    except (Conflict, NotPossible) as error:
        return _again(request, project_id, form, tone="warn", reason=str(error), status=409)
    except NotAllowed as error:
        return _again(request, project_id, form, tone="danger", reason=str(error), status=403)
    asked = {ask.id: ask for ask in panel.asks}
    said = ", ".join(f"{asked[one].what} {asked[one].entity}" for one in chosen)
    messages.success(request, f"{'Granted' if decide is approval.grant else 'Refused'}: {said}.")
    return redirect("workbench:activation", project_id=project_id)


def _again(
    request: HttpRequest, project_id: str, form: AnswerForm, *, tone: str, reason: str, status: int
) -> HttpResponse:
    """The present state beside the words typed, which are never thrown away."""
    fresh = panel_of(_visible(request, project_id), user=user_of(request))
    refusal = {"tone": tone, "reason": reason, "why": form.cleaned_data["why"]}
    return _shown(request, fresh, form=form, refusal=refusal, status=status)


def _shown(request: HttpRequest, panel: ActivationPanel, *, status: int = 200, **extra: Any) -> HttpResponse:
    return render(request, "workbench/approvals/page.html", {"panel": panel, **extra}, status=status)


def _visible(request: HttpRequest, project_id: str) -> Project:
    rows = activation_queue.visible_projects(user_of(request)).select_related("contract__account")
    row = rows.filter(pk=project_id).first()
    if row is None:
        raise Http404(project_id)
    return row
