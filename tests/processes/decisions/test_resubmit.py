"""A payload is edited and goes again: the original stays, money takes two people, and identity is locked."""

import json

import pytest

from apps.billing.models import Invoice
from apps.billing.states import InvoiceState
from apps.core.errors import BadInput
from apps.exceptions.models import ExceptionCase
from apps.exceptions.states import CaseState
from apps.governance.errors import NotYourDecision
from apps.processes.decisions import approval
from apps.processes.models import ProcessStep, Ruling
from apps.processes.states import RulingState, StepState
from tests.plugins.estate import Estate
from tests.processes.decisions.story import agree, asked, decide, offer, person, refused_invoice, sent


def _edited(case: ExceptionCase, **changes: str) -> str:
    body = json.loads(offer("resubmit", case).inputs[0].value)
    body["invoice"].update(changes)
    return json.dumps(body)


def test_an_order_number_is_corrected_and_the_invoice_is_posted(company: Estate) -> None:
    case = refused_invoice(company)

    decide("resubmit", case, payload=_edited(case, po_number="PO-4711"), why="the customer's new order")
    company.settle()

    case.refresh_from_db()
    original, edited = sent(case)
    ruling = Ruling.objects.get()
    assert case.state == CaseState.RESOLVED
    assert Invoice.objects.get().state == InvoiceState.POSTED
    assert (original.body["invoice"]["po_number"], edited.body["invoice"]["po_number"]) == ("", "PO-4711")
    assert original.idempotency_key != edited.idempotency_key
    assert (ruling.original_command, ruling.command_key) == (original.pk, edited.idempotency_key)
    assert ruling.content["changes"] == [{"path": "invoice.po_number", "old": "", "new": "PO-4711", "sensitive": False}]
    (entry,) = company.sandbox.ask(f"ledger?vendor=netsuite&kind=invoice&key={Invoice.objects.get().pk}")
    assert entry["body"]["otherRefNum"] == "PO-4711"


def test_money_goes_out_only_after_a_second_person_agrees(company: Estate) -> None:
    case = refused_invoice(company)
    body = json.loads(offer("resubmit", case).inputs[0].value)
    body["invoice"]["lines"][0]["tax_code"] = "US-EXEMPT"

    decide("resubmit", case, payload=json.dumps(body), why="exempt by certificate 77")
    company.settle()

    assert len(sent(case)) == 1
    wanted = asked()
    assert (wanted.kind, wanted.role) == ("payload_edit", "finance_controller")
    with pytest.raises(NotYourDecision):
        approval.grant(wanted.pk, by=person("finance").actor)
    agree(wanted)
    company.settle()
    case.refresh_from_db()
    assert case.state == CaseState.RESOLVED
    assert sent(case)[1].body["invoice"]["lines"][0]["tax_code"] == "US-EXEMPT"


def test_an_edit_that_is_refused_is_not_sent_and_the_case_is_back(company: Estate) -> None:
    case = refused_invoice(company)
    decide("resubmit", case, payload=_edited(case, total="1.00"))

    approval.refuse(asked().pk, by=person("controller").actor, why="not like this")
    company.settle()

    case.refresh_from_db()
    assert (case.state, len(sent(case))) == (CaseState.OPEN, 1)
    assert Ruling.objects.get().state == RulingState.REFUSED


def test_an_edit_for_an_attempt_that_is_over_changes_nothing(company: Estate) -> None:
    case = refused_invoice(company)
    decide("resubmit", case, payload=_edited(case, total="1.00"))
    decide("replay", case)
    company.settle()

    agree(asked())
    company.settle()

    assert Ruling.objects.get().state == RulingState.LAPSED
    assert ProcessStep.objects.get(pk=case.reference).state == StepState.DONE
    assert len(sent(case)) == 2


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"id": "INV-OTHER"}, "payload.invoice.id"),
        ({"project_ref": "999"}, "payload.invoice.project_ref"),
        ({"total": "a lot"}, "payload.invoice.total"),
        ({"invoice_date": "tomorrow"}, "payload.invoice.invoice_date"),
        ({}, "payload"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_its_field(company: Estate, changes: dict[str, str], path: str) -> None:
    case = refused_invoice(company)

    with pytest.raises(BadInput) as refusal:
        decide("resubmit", case, payload=_edited(case, **changes))

    assert refusal.value.path == path
    assert not Ruling.objects.exists()
    case.refresh_from_db()
    assert case.state == CaseState.OPEN


def test_who_may_not_edit_payloads_is_told_so(company: Estate) -> None:
    case = refused_invoice(company)

    refused = offer("resubmit", case, to="delivery")

    assert not refused.enabled
    assert "payload.edit" in refused.reason
