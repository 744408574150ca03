"""CloudEvents in both directions: what is read, what is sent, how it is proved."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from cloudevents.core.formats.json import JSONFormat
from standardwebhooks import Webhook

from apps.canonical.commands import Announce, RequestTaxProfile, RequestTaxQuote
from apps.connectors import standard_webhooks
from apps.connectors.base import Request
from apps.connectors.webhooks import mapping, webhook
from apps.connectors.webhooks.events import to_envelope
from apps.core import clock
from apps.core.errors import BadInput, Misconfigured, Rejected
from tests.connectors.bench import run
from tests.connectors.conftest import a_call, a_cloudevent, cloudevent_request
from tests.connectors.line import Line
from tests.plugins.sandbox import Sandbox

FIXTURES = Path(__file__).parent / "fixtures"
NEW, OLD = "whsec_bmV3IHNlY3JldCBvZiBvdXJz", "whsec_b2xkIHNlY3JldCBvZiBvdXJz"


def test_an_achieved_milestone_of_a_project_is_an_event():
    found = to_envelope((FIXTURES / "milestone.achieved.json").read_bytes())

    assert found is not None
    assert (found.name, found.subject) == ("milestone.achieved", "PRJ-7K3M9Q2XWA4T")
    assert found.occurred_at == datetime(2026, 11, 20, 9, tzinfo=UTC)
    assert (found.payload["milestone_code"], found.payload["amount"]) == ("M1", None)


def test_a_part_of_a_milestone_may_be_named_by_contract_and_entity():
    found = to_envelope((FIXTURES / "milestone.achieved.partial_by_contract.json").read_bytes())

    assert found is not None
    assert (found.subject, found.payload["amount"]) == ("512/UK-01", "2500.50")
    assert found.occurred_at == datetime(2026, 11, 20, 8, tzinfo=UTC)


@pytest.mark.parametrize("type_", ["com.tieout.unheard.of", "org.example.thing"])
def test_a_type_nobody_knows_is_passed_over(type_: str):
    assert to_envelope(json.dumps(a_cloudevent(type=type_)).encode()) is None


def test_an_event_keeps_its_story_and_its_order():
    raw = webhook.split(cloudevent_request(NEW))[0]

    assert (raw.external_id, raw.subject) == ("evt-1@/psa", "milestone:PRJ-1/M1")
    assert raw.correlation_id == "0123456789abcdef0123456789abcdef"
    batch = json.dumps([a_cloudevent(), a_cloudevent(id="2", source="/other"), {}]).encode()
    assert len({one.external_id for one in webhook.split(Request("POST", "", {}, batch))}) == 3


def test_two_secrets_are_good_while_one_replaces_the_other():
    for secret in (NEW, OLD):
        webhook.verify(cloudevent_request(secret), secrets=[NEW, OLD])
    with pytest.raises(Rejected):
        webhook.verify(cloudevent_request(OLD), secrets=[NEW])


def test_our_signature_is_the_reference_librarys():
    body, now = b'{"a":1}', clock.now()

    headers = standard_webhooks.signed_headers(NEW, message_id="m-1", at_s=int(now.timestamp()), body=body)

    assert Webhook(NEW).verify(body, headers) == {"a": 1}
    several = {**headers, "webhook-signature": f"v1a,xyz v1,AAAA {headers['webhook-signature']}"}
    assert standard_webhooks.check(several, body=body, secrets=[NEW]) == "m-1"


def test_a_secret_that_is_none_is_a_misconfiguration():
    for secret in ("whsec_", "whsec_***", ""):
        with pytest.raises(Misconfigured):
            standard_webhooks.signed_headers(secret, message_id="1", at_s=1, body=b"")


def test_what_we_send_is_a_cloudevent_for_others_too():
    command = Announce(type="project.initiated", subject="PRJ-1", body={"name": "Roll-out é"})

    written = mapping.to_event(
        command, event_id="k", at=datetime(2026, 1, 2, tzinfo=UTC), source="/tieout", correlation_id="c" * 32
    )

    event = from_structured_event(
        HTTPMessage(headers={"content-type": mapping.CONTENT_TYPE}, body=written), JSONFormat()
    )
    assert (event.get_id(), event.get_type(), event.get_subject()) == ("k", "com.tieout.project.initiated", "PRJ-1")
    assert event.get_data() == {"name": "Roll-out é"}
    assert event.get_extension("correlationid") == "c" * 32


QUESTION = {
    "reference": "INV-1", "seller_country": "DE", "buyer_country": "DE", "buyer_tax_id": "DE136695976", "currency": "EUR",
    "tax_date": "2026-11-20", "lines": [{"ref": "1", "amount": "100.00"}, {"ref": "2", "amount": "0.05"}],
}  # fmt: skip


def quote(**more: Any) -> RequestTaxQuote:
    return RequestTaxQuote(type="tax.quote.requested", subject="INV-1", body=QUESTION | more)


def test_the_tax_engine_answers_in_canonical_words(tax: Any):
    asked = RequestTaxProfile(type="tax.profile.requested", subject="ACC-1", body=QUESTION)

    profile = run(tax.execute(a_call(asked, key="p"))).payload
    answer = run(tax.execute(a_call(quote(), key="q"))).payload

    assert (profile["treatment"], profile["code"], profile["rate_percent"]) == ("standard", "DE19", "19")
    assert (answer["treatment"], Decimal(answer["total_tax"])) == ("standard", Decimal("19.01"))
    assert [Decimal(one["amount"]) for one in answer["lines"]] == [Decimal("19.00"), Decimal("0.01")]


def test_tax_that_cannot_be_told_is_a_case_of_its_kind(tax: Any):
    with pytest.raises(Rejected) as raised:
        run(tax.execute(a_call(quote(buyer_country="XK"), key="q")))

    assert (raised.value.code, raised.value.field) == ("tax_undeterminable", "buyer_country")
    with pytest.raises(Rejected) as unusable:
        run(tax.execute(a_call(quote(lines=[]), key="r")))
    assert unusable.value.code == "rejected_by_vendor"


def test_an_answer_without_a_signature_of_its_own_is_not_believed(tax: Any, line: Line):
    forged = json.dumps(
        {"specversion": "1.0", "id": "1", "source": "x", "type": "t", "data": {"total_tax": "0"}}
    ).encode()
    with line.disturbed(answer=(200, {}, forged)), pytest.raises(Misconfigured, match="cannot be believed"):
        run(tax.execute(a_call(quote(), key="q")))
    with line.disturbed(answer=(204, {}, b"")), pytest.raises(Rejected) as raised:
        run(tax.execute(a_call(quote(), key="q")))
    assert raised.value.code == "tax_undeterminable"


def test_tax_lines_that_do_not_add_up_are_refused():
    line = {"ref": "1", "base": "100", "rate_percent": "19", "amount": "19", "code": "DE19", "reason": "home"}
    data = {"treatment": "standard", "jurisdiction": "DE", "lines": [line], "total_tax": "18.99"}

    with pytest.raises(BadInput, match="add up"):
        mapping.to_tax_quote(data)
    for broken in ({}, {**data, "lines": None}, {**data, "lines": [7]}, {**data, "total_tax": "NaN"}):
        with pytest.raises(BadInput):
            mapping.to_tax_quote(broken)


def test_an_announcement_is_stored_once(psa: Any, sandbox: Sandbox):
    call = a_call(Announce(type="project.staffing_requested", subject="PRJ-1", body={}), key="key-1")

    first = run(psa.execute(call))
    run(psa.execute(call))

    assert first.payload == {}
    stored = [one for one in sandbox.ask("ledger?vendor=psa") if one["key"] == "key-1"]
    assert [one["creations"] for one in stored] == [1]
