"""Signed CloudEvents in both directions, and the tax engine behind them."""

import json

import pytest
from standardwebhooks import Webhook

from tests.sandbox.conftest import Ear, until
from tests.sandbox.process import WEBHOOK_SECRET, SandboxProcess

QUOTE = "com.tieout.tax.quote.requested"


def question(seller: str, buyer: str, tax_id: str = "", **more):
    return {
        "reference": "INV-1",
        "legal_entity": f"{seller}-01",
        "seller_country": seller,
        "buyer_country": buyer,
        "buyer_tax_id": tax_id,
        "currency": "EUR",
        "service_line": "ADVISORY",
        "tax_date": "2026-11-22",
        "lines": [{"ref": "1", "amount": "100.10"}, {"ref": "2", "amount": "0.25"}],
        **more,
    }


@pytest.mark.parametrize(
    ("seller", "buyer", "tax_id", "treatment", "code", "total"),
    [
        ("DE", "DE", "DE136695976", "standard", "DE19", "19.07"),
        ("DE", "FR", "FR40303265045", "reverse_charge", "RC", "0.00"),
        ("DE", "FR", "", "standard", "DE19", "19.07"),
        ("GB", "GB", "", "standard", "GB20", "20.07"),
        ("US", "US", "", "exempt", "US0", "0.00"),
    ],
)
def test_a_quote_is_answered_at_once_and_signed(sandbox: SandboxProcess, seller, buyer, tax_id, treatment, code, total):
    answer = sandbox.send_event("tax", QUOTE, question(seller, buyer, tax_id))

    assert answer.status_code == 200, answer.text
    reply = Webhook(WEBHOOK_SECRET).verify(answer.content, dict(answer.headers))
    assert (reply["type"], reply["data"]["reference"]) == ("com.tieout.tax.quoted", "INV-1")
    assert (reply["data"]["treatment"], reply["data"]["total_tax"]) == (treatment, total)
    assert [line["code"] for line in reply["data"]["lines"]] == [code, code]
    if total == "19.07":
        assert [line["amount"] for line in reply["data"]["lines"]] == ["19.02", "0.05"]


def test_the_same_question_gets_the_same_answer(sandbox: SandboxProcess):
    answers = [sandbox.send_event("tax", QUOTE, question("DE", "DE"), event_id="q-1") for _ in range(3)]

    assert len({answer.json()["id"] for answer in answers}) == 1
    (entry,) = sandbox.ledger(vendor="tax", kind=QUOTE, key="q-1")
    assert (entry["creations"], entry["updates"]) == (1, 2)


def test_an_unknown_country_is_undeterminable_and_a_profile_is_not(sandbox: SandboxProcess):
    lost = sandbox.send_event("tax", QUOTE, question("DE", "XX"))
    profile = sandbox.send_event("tax", "com.tieout.tax.profile.requested", question("GB", "GB"))

    assert (lost.status_code, lost.json()["code"]) == (422, "tax_undeterminable")
    assert lost.headers["content-type"] == "application/problem+json"
    data = profile.json()["data"]
    assert (data["treatment"], data["code"], data["rate_percent"]) == ("standard", "GB20", "20")
    assert data["valid_from"] == "2011-01-04"


def test_an_event_is_kept_once_and_a_second_one_on_the_same_subject_shows(sandbox: SandboxProcess):
    kind = "com.tieout.staffing.requested"
    for event_id in ("e-1", "e-1", "e-2"):
        assert sandbox.send_event("staffing", kind, {}, event_id=event_id, subject="PRJ-1").status_code == 204

    (by_id,) = sandbox.ledger(vendor="staffing", key="e-1")
    (by_subject,) = sandbox.ledger(vendor="staffing", key="PRJ-1")
    assert (by_id["creations"], by_id["updates"]) == (1, 1)
    assert (by_subject["creations"], by_subject["ids"], by_subject["by"]) == (2, ["e-1", "e-2"], "business")
    assert len(sandbox.ledger(vendor="staffing", duplicates="")) == 1


def test_what_is_not_signed_well_or_not_an_event_is_refused(sandbox: SandboxProcess):
    forged = sandbox.send_event("psa", "x", {}, secret="whsec_" + "AAAA" * 8)
    unsigned = sandbox.session.post(f"{sandbox.base}/events/psa", json={})
    torn = sandbox.send_event("psa", "", {}, specversion="0.3")

    assert (forged.status_code, forged.json()["code"]) == (401, "signature_invalid")
    assert unsigned.status_code == 401
    assert (torn.status_code, torn.json()["code"]) == (400, "specversion")
    assert sandbox.ledger(vendor="psa") == []


def test_an_event_goes_out_signed_and_again_until_it_is_taken(sandbox: SandboxProcess, ear: Ear):
    ear.status = 500
    event = {
        "code": "psa",
        "type": "com.tieout.milestone.achieved",
        "data": {"milestone": "M1"},
        "id": "ev-1",
        "subject": "P",
    }
    sandbox.control("POST", "emit", event)
    until(lambda: sandbox.control("GET", "webhooks")["psa"]["failed_attempts"] >= 1)
    ear.status = 204

    path, headers, body = until(lambda: ear.heard)[0]

    assert path == "/api/v1/inbound/psa/"
    assert headers["content-type"] == "application/cloudevents+json"
    assert Webhook(WEBHOOK_SECRET).verify(body, headers)["subject"] == "P"
    assert json.loads(body)["id"] == headers["webhook-id"] == "ev-1"
