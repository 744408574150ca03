"""What the inbound door may be sent: twenty times the same, in any order, and all that cannot be read."""

import json
import random
from pathlib import Path

import pytest
from django.test import Client

from apps.billing.models import Invoice
from apps.billing.states import InvoiceState
from apps.events.models import InboxEvent
from apps.events.states import EventState
from apps.exceptions.models import ExceptionCase
from tests.faults.door import achievement, deliver
from tests.faults.whole import assert_tables_whole, assert_whole
from tests.faults.workers import let_time_pass
from tests.plugins.estate import PROOF, Estate

pytestmark = [pytest.mark.faults]
DEEP = '{"a":' * 3000 + "1" + "}" * 3000


def test_twenty_times_the_same_news_in_any_order_bills_once(
    company: Estate, client: Client, secrets_folder: Path
) -> None:
    project = company.activated(company.win())
    first, second = achievement(project.pk, "M1"), achievement(project.pk, "M2")
    sent = [first, second] * 20
    random.Random(7).shuffle(sent)
    # A line's milestones are billed in order; the shuffled rest follows.
    sent.insert(0, first)

    answers = [deliver(client, body, secrets_folder=secrets_folder) for body in sent]
    company.settle()
    let_time_pass(60)
    company.settle()

    assert {answer.status_code for answer in answers} == {202}
    assert sum(answer.json()["accepted"] for answer in answers) == 2
    invoices = company.sandbox.ask("ledger?vendor=netsuite&kind=invoice")
    assert sorted(entry["creations"] for entry in invoices if entry["by"] == "key") == [1] * Invoice.objects.count()
    assert Invoice.objects.filter(milestone__code="M1", state=InvoiceState.POSTED).count() == 1
    assert_whole(company)


def _event(**changes: object) -> bytes:
    event = {"specversion": "1.0", "id": "P-1", "source": "/psa", "type": "com.tieout.milestone.achieved",
             "time": "2026-11-20T09:00:00Z", "data": {"project_id": "PRJ-1", "milestone_code": "M1", **PROOF}}  # fmt: skip
    return json.dumps(event | changes).encode()


POISON = {
    "not JSON at all": b"\xff\xfe\x00 this is no JSON",
    "a NUL in a text": _event(data={"project_id": "P\x00", "milestone_code": "M1", **PROOF}),
    "NaN for an amount": _event().replace(b'"milestone_code": "M1"', b'"milestone_code": "M1", "amount": NaN'),
    "JSON three thousand deep": b'{"specversion":"1.0","id":"P-2","source":"/psa","data":' + DEEP.encode() + b"}",
    "a list for a text": _event(data={"project_id": ["P"], "milestone_code": {"a": 1}, "achieved_on": 7}),
    "data that is no object": _event(data="nothing"),
    "no type": _event(type=None),
    "a lone surrogate": _event(data={"project_id": "PRJ-1", "milestone_code": "\ud800", **PROOF}),
    "a number beyond all bounds": _event(
        data={"project_id": "PRJ-1", "milestone_code": "M1", **PROOF, "amount": 10**400}
    ),
    "nine megabytes in one text": _event(data={"project_id": "x" * 9_000_000, "milestone_code": "M1", **PROOF}),
    "a milestone nobody knows": _event(data={"project_id": "PRJ-NONE", "milestone_code": "M9", **PROOF}),
}


@pytest.mark.parametrize("what", POISON)
def test_what_cannot_be_read_is_kept_and_becomes_a_case(
    company: Estate, client: Client, secrets_folder: Path, what: str
) -> None:
    answer = deliver(client, POISON[what], secrets_folder=secrets_folder)
    for _ in range(6):
        company.settle(timeout_s=1)
        let_time_pass(400)

    assert answer.status_code == 202
    (event,) = InboxEvent.objects.all()
    assert event.state == EventState.DEAD
    (case,) = ExceptionCase.objects.all()
    assert case.kind in ("payload_unreadable", "crosswalk_missing")
    assert case.cause
    assert case.correlation_id == answer.json()["correlation_id"]
    assert_tables_whole()


def test_eleven_megabytes_are_refused_with_a_word_on_how_to_mend_it(
    company: Estate, client: Client, secrets_folder: Path
) -> None:
    body = _event(data={"project_id": "x" * 11_000_000})

    answer = deliver(client, body, secrets_folder=secrets_folder)

    assert (answer.status_code, InboxEvent.objects.count()) == (413, 0)
    assert answer.json()["correlation_id"]
    assert "Send fewer events" in answer.json()["detail"]


def test_poison_stops_no_other_object(company: Estate, client: Client, secrets_folder: Path) -> None:
    project = company.activated(company.win())
    for body in POISON.values():
        deliver(client, body, secrets_folder=secrets_folder)
    deliver(client, achievement(project.pk, "M1"), secrets_folder=secrets_folder)
    for _ in range(6):
        company.settle(timeout_s=2)
        let_time_pass(400)

    assert Invoice.objects.get(milestone__code="M1").state == InvoiceState.POSTED
    assert not InboxEvent.objects.filter(state=EventState.RECEIVED).exists()
    assert_whole(company)


def test_an_unknown_currency_ends_as_a_case_about_the_deal(company: Estate) -> None:
    ref = company.win(currency="XQQ")

    company.hear(ref)
    company.settle()

    (case,) = ExceptionCase.objects.all()
    assert "XQQ" in case.cause
    assert_tables_whole()
