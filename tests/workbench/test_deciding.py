"""Decisions on the case page: forms with what they need, errors at their field, and the second person's answer."""

import json

import pytest
from django.test import Client

from apps.billing.models import Invoice
from apps.billing.states import InvoiceState
from apps.exceptions.models import ExceptionCase
from apps.exceptions.states import CaseState
from apps.processes.models import Ruling
from tests.plugins.estate import Estate
from tests.processes.decisions.story import asked, offer, person, refused_invoice


def _sign_in(username: str) -> Client:
    client = Client()
    client.force_login(person(username))
    return client


def _post(client: Client, case: ExceptionCase, where: str, **fields: object):
    case.refresh_from_db()
    return client.post(f"/exceptions/EXC-{case.pk}/{where}/", {"expected_version": case.version, **fields})


def test_one_edits_another_agrees_and_the_invoice_is_in_the_books(
    company: Estate, django_assert_max_num_queries
) -> None:
    case = refused_invoice(company)
    finance, controller = _sign_in("finance"), _sign_in("controller")
    with django_assert_max_num_queries(20):
        html = finance.get(f"/exceptions/EXC-{case.pk}/").content.decode()
    assert "Resubmit edited" in html
    body = json.loads(offer("resubmit", case).inputs[0].value)
    body["invoice"]["lines"][0]["tax_code"] = "US-EXEMPT"

    refused = _post(finance, case, "decide/resubmit", payload=json.dumps({**body, "_v": 1, "invoice": {}}), why="x")
    assert refused.status_code == 422
    assert "Invoice" in refused.content.decode()
    answer = _post(finance, case, "decide/resubmit", payload=json.dumps(body), why="exempt by certificate 77")
    assert answer.status_code == 302

    html = controller.get(f"/exceptions/EXC-{case.pk}/").content.decode()
    assert "invoice.lines[0].tax_code" in html
    assert "US-EXEMPT" in html
    ruling, wanted = Ruling.objects.get(), asked()
    own = _post(finance, case, f"rulings/{ruling.pk}", answer="grant", seen_hash=wanted.payload_hash)
    assert own.status_code == 403
    stale = _post(controller, case, f"rulings/{ruling.pk}", answer="grant", seen_hash="0" * 64)
    assert stale.status_code == 409
    silent = _post(controller, case, f"rulings/{ruling.pk}", answer="refuse", seen_hash=wanted.payload_hash)
    assert silent.status_code == 422
    assert (
        _post(controller, case, f"rulings/{ruling.pk}", answer="grant", seen_hash=wanted.payload_hash).status_code
        == 302
    )
    company.settle()

    case.refresh_from_db()
    assert case.state == CaseState.RESOLVED
    assert Invoice.objects.get().state == InvoiceState.POSTED


@pytest.mark.django_db
def test_a_decision_without_what_it_needs_says_so_at_the_field(client: Client) -> None:
    from tests import factories

    client.force_login(factories.person("anna"))
    (case,) = factories.opened()

    answer = client.post(
        f"/exceptions/EXC-{case.pk}/decide/close_with_reference/", {"expected_version": case.version, "why": "settled"}
    )

    assert answer.status_code == 422
    assert "Document number is missing" in answer.content.decode()
    assert ExceptionCase.objects.get(pk=case.pk).state == CaseState.OPEN
