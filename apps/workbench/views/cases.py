"""The queue of cases, one case, and what a person does with it."""

from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from apps.access.errors import NotAllowed
from apps.access.models import User
from apps.access.policy import may
from apps.core.errors import BadInput, Conflict
from apps.exceptions import queries
from apps.exceptions.actions import people
from apps.exceptions.errors import NotPossible
from apps.exceptions.models import ExceptionCase
from apps.governance.errors import NotPossible as NotDecidable
from apps.governance.errors import NotYourDecision
from apps.workbench import case_page, decisions, queue, second_person, story
from apps.workbench.decision_form import DecisionForm
from apps.workbench.forms import NoteForm
from apps.workbench.keyset import page_of
from apps.workbench.screen import screen


@screen(needs="cases.view")
def cases(request: HttpRequest) -> HttpResponse:
    """The queue: tabs, filters, money at risk and one page of lines."""
    user = _user(request)
    visible = queries.visible_cases(user)
    form = queue.CaseFilter(request.GET, places=queue.places_of(visible))
    found = queries.found_cases(user, form.filters()) if form.is_valid() else visible.none()
    order = request.GET.get("sort", "due")
    order = order if order in queue.ORDERS else "due"
    page = page_of(found, keys=queue.ORDERS[order], query=request.GET)
    context = {
        "tabs": queue.tabs(user, view=form.data["view"]),
        "form": form,
        "chips": form.chips(request.GET),
        "page": page,
        "lines": queue.lines(page.rows, visible=visible),
        "at_risk": queries.money_at_risk(found),
        "order": order,
        "order_label": queue.ORDER_LABELS[order],
    }
    return render(request, "workbench/cases/queue.html", context, status=422 if form.errors else 200)


@screen(needs="cases.view")
def case(request: HttpRequest, number: int) -> HttpResponse:
    """One case: why, evidence, attempts, story, and what may be decided."""
    return _shown(request, _visible_case(request, number))


@require_POST
@screen(needs="cases.note")
def add_note(request: HttpRequest, number: int) -> HttpResponse:
    """Leave a note."""
    row = _visible_case(request, number)
    form = NoteForm(request.POST)
    if not form.is_valid():
        return _shown(request, row, note_form=form, status=422)
    people.add_note(row.pk, text=form.cleaned_data["text"], by=_user(request).actor)
    messages.success(request, "Note added.")
    return redirect("workbench:case", number=number)


@require_POST
@screen(needs="cases.view")
def decide(request: HttpRequest, number: int, decision: str) -> HttpResponse:
    """Carry out one decision: 303 when done, 409 when somebody was faster, 422 when something is missing."""
    row = _visible_case(request, number)
    offer = decisions.offer_of(row, user=_user(request), name=decision)
    if offer is None:
        raise Http404(f"{decision} is not offered on {row.number}")
    if not offer.enabled:
        raise PermissionDenied(offer.reason)
    form = DecisionForm(request.POST, needs_why=offer.needs_why, inputs=offer.inputs, auto_id=f"id_{offer.name}_%s")
    if not form.is_valid():
        return _shown(request, row, decision_form=form, decision=decision, status=422)
    try:
        said = decisions.carry_out(
            offer,
            row,
            by=_user(request),
            why=form.cleaned_data["why"],
            version=form.cleaned_data["expected_version"],
            inputs=form.inputs(),
        )
    except (Conflict, NotPossible, NotDecidable) as error:
        return _conflict(request, number, form, decision=decision, reason=str(error))
    except (NotAllowed, NotYourDecision) as error:
        raise PermissionDenied(str(error)) from error
    except BadInput as error:
        form.refuse(error)
        return _shown(request, row, decision_form=form, decision=decision, status=422)
    messages.success(request, said)
    return redirect("workbench:case", number=number)


@require_POST
@screen(needs="approvals.decide")
def answer(request: HttpRequest, number: int, ruling: str) -> HttpResponse:
    """A second person agrees to a decision on this case, or refuses it."""
    row, user = _visible_case(request, number), _user(request)
    form = second_person.AnswerForm(request.POST)
    if not form.is_valid():
        return _shown(request, row, decision_form=form, status=422)
    try:
        said = second_person.answer(row, ruling, form, by=user)
    except second_person.Gone as error:
        raise Http404(str(error)) from error
    except NotYourDecision as error:
        raise PermissionDenied(str(error)) from error
    except (Conflict, NotPossible, NotDecidable) as error:
        return _conflict(request, number, form, decision="", reason=str(error))
    messages.success(request, said)
    return redirect("workbench:case", number=number)


def _conflict(request: HttpRequest, number: int, form: Form, *, decision: str, reason: str) -> HttpResponse:
    """The present state, what somebody else did meanwhile, and the words typed, which are never thrown away."""
    fresh = _visible_case(request, number)
    changes = story.latest_changes(fresh)
    return _shown(
        request,
        fresh,
        status=409,
        conflict={"reason": reason, "changes": changes, "decision": decision, "why": form.cleaned_data["why"]},
    )


def _shown(request: HttpRequest, row: ExceptionCase, *, status: int = 200, **extra: Any) -> HttpResponse:
    user = _user(request)
    failed = {extra["decision"]: extra["decision_form"]} if "decision" in extra and "decision_form" in extra else {}
    context = {
        "panel": case_page.panel_of(row, user=user),
        "offers": [
            (offer, failed.get(offer.name) or _form_of(offer, row)) for offer in decisions.offers_of(row, user=user)
        ],
        "asked": second_person.asked_about(row, user=user),
        "note_form": NoteForm(),
        "may_note": may(user, "cases.note"),
        **extra,
    }
    return render(request, "workbench/cases/case.html", context, status=status)


def _form_of(offer: decisions.Offer, row: ExceptionCase) -> DecisionForm:
    return DecisionForm(
        needs_why=offer.needs_why,
        inputs=offer.inputs,
        initial={"expected_version": row.version},
        auto_id=f"id_{offer.name}_%s",
    )


def _visible_case(request: HttpRequest, number: int) -> ExceptionCase:
    """The case, if it exists and belongs to an entity this person works for; else 404, which tells neither."""
    row = queries.visible_cases(_user(request)).filter(pk=number).first()
    if row is None:
        raise Http404(f"EXC-{number}")
    return row


def _user(request: HttpRequest) -> User:
    return cast(User, request.user)
