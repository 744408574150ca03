"""NetSuite's bodies and rows: what is sent, what is read, what is refused."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from apps.canonical.billing import BillingMilestone, Invoice, InvoiceLine
from apps.canonical.commands import CreateBillingSchedule, UpsertCustomer
from apps.canonical.parties import TaxLine
from apps.connectors.base import Reply
from apps.connectors.netsuite import errors, mapping, rows
from apps.connectors.redaction import Redactor
from apps.core.errors import BadInput, Failure, Misconfigured, Rejected, TransientFailure, UnknownOutcome
from tests.connectors.conftest import an_account

ACCOUNT = mapping.account_of({})


def row(**more: Any) -> dict[str, Any]:
    found = json.loads((Path(__file__).parent / "fixtures" / "invoice_row.json").read_text())
    return {**found, **more}


def test_an_invoice_is_sent_with_the_tax_that_was_quoted():
    line = InvoiceLine(
        ref="1",
        description="Design",
        service_line="ADVISORY",
        amount=Decimal("1000.10"),
        milestone_id="BMS-1",
        milestone_ref="55",
    )
    tax = TaxLine(
        ref="1", base=Decimal("1000.10"), rate_percent=Decimal(20), amount=Decimal("200.02"), code="GB20", reason="home"
    )
    invoice = Invoice(
        id="INV-1", legal_entity="UK-01", currency="GBP", customer_id="ACC-1", customer_ref="9", project_id="PRJ-1",
        project_ref="12", invoice_date=date(2026, 11, 20), due_days=45, po_number="PO-77", lines=(line,), tax_lines=(tax,),
        net=Decimal("1000.10"), tax=Decimal("200.02"), total=Decimal("1200.12"),
    )  # fmt: skip

    body = mapping.to_invoice(
        invoice, account=mapping.account_of({"subsidiaries": {"UK-01": "2"}, "tax_codes": {"GB20": 7}})
    )

    assert body == {
        "externalId": "INV-1",
        "entity": {"id": "12"},
        "subsidiary": {"id": "2"},
        "currency": {"externalId": "GBP"},
        "tranDate": "2026-11-20",
        "dueDate": "2027-01-04",
        "memo": "INV-1",
        "otherRefNum": "PO-77",
        "custbody_tieout_milestone": "BMS-1",
        "item": {
            "items": [
                {
                    "item": {"externalId": "ADVISORY"},
                    "amount": 1000.1,
                    "quantity": 1,
                    "description": "Design",
                    "charge": {"id": "55"},
                }
            ]
        },
        "taxDetailsOverride": True,
        "taxDetails": {
            "items": [
                {
                    "taxDetailsReference": "1",
                    "taxCode": {"id": "7"},
                    "taxBasis": 1000.1,
                    "taxRate": 20,
                    "taxAmount": 200.02,
                }
            ]
        },
    }


def test_a_customer_has_one_record_per_legal_entity_and_one_billing_address():
    command = UpsertCustomer(customer_id="ACC-1", legal_entity="US-01", currency="USD", account=an_account())

    body = mapping.to_customer(command, account=ACCOUNT)

    assert mapping.customer_key(command) == "ACC-1:US-01"
    assert (body["terms"], body["email"]) == ({"externalId": "NET30"}, "ap@contoso.example")
    assert body["addressBook"]["items"][0]["addressBookAddress"]["country"] == {"id": "US"}
    odd = command.model_copy(update={"account": an_account().model_copy(update={"payment_terms_days": 17})})
    assert "terms" not in mapping.to_customer(odd, account=ACCOUNT)


def test_a_milestone_is_a_charge_that_is_not_billed_yet():
    milestone = BillingMilestone(
        id="BMS-1", code="M1", name="Design", amount=Decimal("0.10"), due_on=date(2026, 12, 31)
    )
    command = CreateBillingSchedule(
        project_id="PRJ-1", project_ref="12", customer_ref="9", legal_entity="US-01", currency="USD", service_line="ADVISORY",
        milestones=(milestone,),
    )  # fmt: skip

    body = mapping.to_charge(milestone, command, account=ACCOUNT)

    assert (body["stage"], body["amount"], body["chargeDate"]) == ({"id": "HOLD_FOR_BILLING"}, 0.1, "2026-12-31")
    assert (body["billTo"], body["custrecord_tieout_milestone"]) == ({"id": "12"}, "BMS-1")


@pytest.mark.parametrize("amount", ["0", "1", "-5", "0.1", "1000.10", "9999999999999.99", "123456789.012345", "1E+3"])
def test_an_amount_survives_as_a_json_number(amount: str):
    assert Decimal(json.dumps(mapping.number(Decimal(amount)))) == Decimal(amount)


def test_an_amount_that_a_json_number_cannot_hold_is_refused():
    with pytest.raises(Rejected, match="more digits"):
        mapping.number(Decimal("12345678901234.123456"))


def test_a_field_name_that_is_none_is_a_misconfiguration():
    with pytest.raises(Misconfigured, match="no field's name"):
        mapping.account_of({"fields": {"credit_reference": "id = id OR type"}})


@pytest.mark.parametrize(
    ("more", "credited", "state", "open_balance"),
    [
        ({}, "0", "posted", "1190.00"),
        ({"foreignamountunpaid": "190"}, "0", "partly_paid", "190"),
        ({"status": "B", "foreignamountunpaid": "0"}, "0", "paid", "0"),
        ({"status": "B", "foreignamountunpaid": None}, "1190", "credited", "0"),
        ({"status": "B", "foreignamountunpaid": "0"}, "100", "paid", "0"),
        ({"status": "V", "foreignamountunpaid": "0"}, "0", "voided", "0"),
        ({"status": "D"}, "0", "draft", "1190.00"),
    ],
)
def test_a_row_is_an_invoice_status(more: dict[str, Any], credited: str, state: str, open_balance: str):
    found = rows.to_invoice_status(row(**more), currency="USD", credited=Decimal(credited))

    assert (found.state, found.open_balance) == (state, Decimal(open_balance))
    assert (found.net, found.tax, found.total) == (Decimal("1000.00"), Decimal("190.00"), Decimal("1190.00"))
    assert (found.key, found.number, found.version) == ("INV-7K3M9Q2XWA4T", "INV1042", "2026-11-20T09:00:00")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "X"),
        ("foreigntotal", "much"),
        ("foreigntotal", "NaN"),
        ("taxtotal", True),
        ("day", "20.11.2026"),
        ("day", None),
    ],
)
def test_a_row_nobody_can_read_names_the_column(name: str, value: Any):
    with pytest.raises(BadInput) as raised:
        rows.to_invoice_status(row(**{name: value}), currency="USD")

    assert raised.value.path == name


@pytest.mark.parametrize(
    ("period", "locks", "state"),
    [
        ({"closed": "F", "arlocked": "F"}, [], "open"),
        ({"closed": "F", "arlocked": "F"}, [{"complete": "F"}], "open"),
        ({"closed": "F", "arlocked": "F", "aplocked": "T"}, [{"complete": "F"}], "closing"),
        ({"closed": "F", "arlocked": "F"}, [{"complete": "T"}], "closed"),
        ({"closed": "F", "arlocked": "T"}, [], "closed"),
        ({"closed": "T"}, [], "closed"),
    ],
)
def test_a_period_is_open_closing_or_closed(period: dict[str, str], locks: list[dict[str, str]], state: str):
    assert rows.period_state(period, locks) == state


def refusal(status: int, code: str, detail: str, **more: Any) -> Reply:
    body = {"title": "x", "status": status, "o:errorDetails": [{"detail": detail, "o:errorCode": code, **more}]}
    return Reply(status, {}, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        (refusal(401, "INVALID_LOGIN", "Invalid login attempt."), Misconfigured, "credentials_expired"),
        (refusal(403, "INSUFFICIENT_PERMISSION", "Permission Violation"), Misconfigured, "permission_denied"),
        (
            refusal(429, "CONCURRENCY_LIMIT_EXCEEDED", "Concurrent request limit exceeded."),
            TransientFailure,
            "throttled",
        ),
        (refusal(404, "NONEXISTENT_ID", "Record does not exist."), Rejected, "rejected_by_vendor"),
        (refusal(400, "INVALID_CONTENT", "Invalid Field Value 9"), Rejected, "rejected_by_vendor"),
        (
            refusal(400, "USER_ERROR", "You cannot create or change a transaction in a closed period."),
            Rejected,
            "period_closed",
        ),
        (refusal(400, "USER_ERROR", "This record already exists."), Rejected, "duplicate_in_vendor"),
        (refusal(400, "USER_ERROR", "Something else"), Rejected, "rejected_by_vendor"),
        (refusal(400, "IDEMPOTENCY_ERROR", "Conflict"), Rejected, "duplicate_in_vendor"),
        (refusal(500, "UNEXPECTED_ERROR", "This record already exists"), UnknownOutcome, "unknown_outcome"),
        (
            Reply(400, {}, b'{"error": {"code": "SSS_REQUEST_LIMIT_EXCEEDED", "message": "x"}}'),
            TransientFailure,
            "throttled",
        ),
        (Reply(400, {}, b"[]"), Rejected, "rejected_by_vendor"),
        (Reply(400, {}, b'{"o:errorDetails": ["x"]}'), Rejected, "rejected_by_vendor"),
        (Reply(400, {}, b"[" * 100_000), Rejected, "rejected_by_vendor"),
    ],
)
def test_a_refusal_is_told_by_code_then_wording_then_status(reply: Reply, kind: type[Failure], code: str):
    found = errors.told(reply, is_read=False, redact=Redactor({}), wording=errors.wording({}))

    assert (type(found), found.code) == (kind, code)


def test_a_tenant_adds_the_wording_of_its_language():
    german = errors.wording({"error_patterns": [["Periode.*geschlossen", "period_closed"]]})
    reply = refusal(400, "USER_ERROR", "Die Periode ist geschlossen.", **{"o:errorPath": "postingPeriod"})

    found = errors.told(reply, is_read=False, redact=Redactor({}), wording=german)

    assert (found.code, found.field) == ("period_closed", "postingPeriod")
    with pytest.raises(Misconfigured):
        errors.wording({"error_patterns": [["(", "period_closed"]]})
    with pytest.raises(Misconfigured):
        errors.wording({"error_patterns": [["x", "no_such_code"]]})
