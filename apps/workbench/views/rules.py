"""The system-of-record matrix, one field of it, and changing who owns it: proposed, looked at, approved by another."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from apps.access.errors import NotAllowed
from apps.access.policy import may
from apps.core import clock
from apps.core.errors import BadInput, Conflict
from apps.governance import changes
from apps.governance.errors import NotPossible
from apps.governance.models import SystemOfRecordRule
from apps.governance.states import RuleState
from apps.workbench import rules_page
from apps.workbench.rule_forms import MoveForm, ProposalForm
from apps.workbench.screen import screen, user_of


@screen(needs="rules.view")
def matrix(request: HttpRequest) -> HttpResponse:
    """Every live rule, by domain."""
    context = {
        "domains": rules_page.domains(),
        "kinds": rules_page.kinds_shown(),
        "waiting": rules_page.waiting_changes(),
    }
    return render(request, "workbench/rules/matrix.html", context)


@screen(needs="rules.view")
def rule(request: HttpRequest, object_name: str, field: str) -> HttpResponse:
    """One field: what counts, what counted, and the form to propose something else (POST, with rules.edit)."""
    rows = rules_page.revisions(object_name, rules_page.field_of(field))
    if not rows:
        raise Http404(f"{object_name}.{field}")
    live = next((row for row in rows if row.state == RuleState.LIVE), None)
    form = ProposalForm(request.POST or None, rule=live or rows[0])
    if request.method == "POST":
        if not may(user_of(request), "rules.edit"):
            raise PermissionDenied("Proposing another rule needs the permission rules.edit.")
        if form.is_valid() and (proposed := _propose(request, live or rows[0], form)):
            messages.success(request, "Proposed. Look at what it touches, then ask for approval.")
            return redirect("workbench:rule_change", rule_id=proposed.pk)
    context = {
        "rule": live or rows[0],
        "live": rules_page.revision_line(live) if live else None,
        "revisions": [rules_page.revision_line(row) for row in rows],
        "approvers": rules_page.approvers_of(live or rows[0]),
        "form": form,
        "may_edit": may(user_of(request), "rules.edit"),
    }
    return render(request, "workbench/rules/rule.html", context, status=422 if form.errors else 200)


@require_POST
@screen(needs="rules.edit")
def roll_back(request: HttpRequest, rule_id: str) -> HttpResponse:
    """Propose again what an earlier revision said."""
    row = _rule(rule_id)
    why = request.POST.get("why", "").strip() or "it was better"
    try:
        proposed = changes.roll_back(SystemOfRecordRule, row.pk, by=user_of(request).actor, why=why)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from error
    messages.success(request, f"Proposed what revision {row.revision} said. It is approved like any other change.")
    return redirect("workbench:rule_change", rule_id=proposed.pk)


@screen(needs="rules.view")
def change(request: HttpRequest, rule_id: str) -> HttpResponse:
    """One change: old and new beside each other, what it touches, and the next step."""
    return _shown(request, _rule(rule_id))


@require_POST
@screen(needs="rules.view")
def move(request: HttpRequest, rule_id: str, step: str) -> HttpResponse:
    """Take a change one step on: 303 when done, 409 when it moved meanwhile, 422 without a reason, 403 in words."""
    row, act = _rule(rule_id), _STEPS.get(step)
    if act is None:
        raise Http404(step)
    form = MoveForm(request.POST)
    if not form.is_valid():
        return _shown(request, row, form=form, status=422)
    try:
        said = act(request, row, form.cleaned_data["why"], form.cleaned_data["expected_version"])
    except (Conflict, NotPossible) as error:
        refusal = {"tone": "warn", "reason": str(error), "why": form.cleaned_data["why"]}
        return _shown(request, _rule(rule_id), refusal=refusal, status=409)
    except NotAllowed as error:
        refusal = {"tone": "danger", "reason": str(error), "why": form.cleaned_data["why"]}
        return _shown(request, _rule(rule_id), refusal=refusal, status=403)
    messages.success(request, said)
    return redirect("workbench:rule_change", rule_id=rule_id)


def _propose(request: HttpRequest, rule: SystemOfRecordRule, form: ProposalForm) -> SystemOfRecordRule | None:
    asked = form.cleaned_data
    kept = ("domain", "object", "field", "pattern", "direction", "priority", "steward", "approvers")
    values = {name: getattr(rule, name) for name in kept}
    values |= {name: asked[name] for name in ("owner", "conflict_policy", "others_may_fill")}
    try:
        return changes.propose(
            SystemOfRecordRule,
            values,
            by=user_of(request).actor,
            why=asked["why"],
            effective_from=asked["effective_from"],
        )
    except BadInput as error:
        form.add_error(None, f"{error} {error.mend}")
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from error
    return None


def _submit(request: HttpRequest, row: SystemOfRecordRule, why: str, version: int) -> str:
    changes.mark_tested(SystemOfRecordRule, row.pk, by=user_of(request).actor, why=why, expected_version=version)
    return f"Asked for approval by: {rules_page.approvers_of(row)}."


def _approve(request: HttpRequest, row: SystemOfRecordRule, why: str, version: int) -> str:
    """Approved and live at once, unless it is to count from a later day."""
    by = user_of(request).actor
    with transaction.atomic():
        changes.approve(SystemOfRecordRule, row.pk, by=by, why=why, expected_version=version)
        if row.effective_from and row.effective_from > clock.today("UTC"):
            return f"Approved. It counts from {row.effective_from:%-d %b %Y}."
        changes.go_live(SystemOfRecordRule, row.pk, by=by, why=why)
    return "Approved and live: the next event is treated by it."


def _send_back(request: HttpRequest, row: SystemOfRecordRule, why: str, version: int) -> str:
    changes.send_back(SystemOfRecordRule, row.pk, by=user_of(request).actor, why=why, expected_version=version)
    return "Sent back for another round."


def _withdraw(request: HttpRequest, row: SystemOfRecordRule, why: str, version: int) -> str:
    changes.retire(SystemOfRecordRule, row.pk, by=user_of(request).actor, why=why, expected_version=version)
    return "Withdrawn."


_STEPS: dict[str, Callable[[HttpRequest, SystemOfRecordRule, str, int], str]] = {
    "submit": _submit,
    "approve": _approve,
    "send-back": _send_back,
    "withdraw": _withdraw,
}


def _shown(request: HttpRequest, row: SystemOfRecordRule, *, status: int = 200, **extra: Any) -> HttpResponse:
    user = user_of(request)
    rows = rules_page.revisions(row.object, row.field)
    before = next((one for one in rows if one.state == RuleState.LIVE and one.pk != row.pk), None)
    if before is None:
        before = next((one for one in rows if one.revision < row.revision), None)
    context = {
        "rule": row,
        "line": rules_page.revision_line(row),
        "field_in_url": rules_page.field_in_url(row.field),
        "before": before,
        "compared": rules_page.compared(before, row),
        "impact": rules_page.impact_of(row, before=before),
        "approvers": rules_page.approvers_of(row),
        "hindrance": rules_page.hindrance(row, user=user),
        "may_edit": may(user, "rules.edit"),
        **extra,
    }
    return render(request, "workbench/rules/change.html", context, status=status)


def _rule(rule_id: str) -> SystemOfRecordRule:
    row = SystemOfRecordRule.objects.filter(pk=rule_id).first()
    if row is None:
        raise Http404(rule_id)
    return row
