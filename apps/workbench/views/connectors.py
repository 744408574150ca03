"""How connected systems are doing, and letting one that was paused go on."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from apps.access.policy import may
from apps.events import bell, trouble
from apps.workbench import connector_health
from apps.workbench.screen import screen, user_of


@screen(needs="connectors.view")
def connectors(request: HttpRequest) -> HttpResponse:
    """All of them, at a glance."""
    return render(
        request, "workbench/connectors/list.html", {"systems": connector_health.all_health(user=user_of(request))}
    )


@screen(needs="connectors.view")
def connector(request: HttpRequest, code: str) -> HttpResponse:
    """One of them."""
    return _shown(request, code)


@require_POST
@screen(needs="connectors.edit")
def resume(request: HttpRequest, code: str) -> HttpResponse:
    """Let a paused system's queue go on: 303 when done, 409 when somebody has done it, 422 without a reason."""
    health = connector_health.health_of(code, user=user_of(request))
    if health is None:
        raise Http404(code)
    why = request.POST.get("why", "").strip()[:2000]
    if not health.is_paused:
        notice = {
            "tone": "warn",
            "title": "It is not paused any more",
            "text": "Somebody else was faster. Below is the present state.",
        }
        return _shown(request, code, status=409, notice=notice)
    if not why:
        notice = {"tone": "danger", "title": "Not resumed", "text": "Say what was mended; the case keeps your words."}
        return _shown(request, code, status=422, notice=notice)
    trouble.resume_system(code, by=user_of(request).actor, why=why)
    bell.ring_outbox([code])
    messages.success(request, f"{health.name} may be called again; what was waiting is due now.")
    return redirect("workbench:connector", code=code)


def _shown(request: HttpRequest, code: str, *, status: int = 200, **extra: Any) -> HttpResponse:
    user = user_of(request)
    health = connector_health.health_of(code, user=user)
    if health is None:
        raise Http404(code)
    context = {
        "system": health,
        "verbs": connector_health.calls_by_verb(code),
        "errors": connector_health.error_codes(code),
        "hours": connector_health.hours(code),
        "cases": connector_health.open_cases(code, user=user),
        "may_edit": may(user, "connectors.edit"),
        **extra,
    }
    return render(request, "workbench/connectors/page.html", context, status=status)
