"""Records, invoices, credits, voids and periods, as a NetSuite client meets them."""

from datetime import UTC, datetime

from tests.sandbox.process import SandboxProcess

# Periods exist from last year to next.
YEAR = datetime.now(UTC).year


def error_of(answer) -> tuple[int, str, str]:
    details = answer.json()["o:errorDetails"][0]
    return answer.status_code, details["o:errorCode"], details.get("o:errorPath", "")


def test_an_upsert_by_external_id_creates_once_and_changes_after(sandbox: SandboxProcess):
    first = sandbox.a_customer("ACC-1:US-01")
    second = sandbox.a_customer("ACC-1:US-01")

    (entry,) = sandbox.ledger(vendor="netsuite", kind="customer", key="ACC-1:US-01")
    assert first == second == entry["id"]
    assert (entry["creations"], entry["updates"]) == (1, 1)
    shown = sandbox.record("GET", "customer/eid:ACC-1%3AUS-01").json()
    assert shown["subsidiary"]["refName"] == "Northbeam Consulting Inc."
    assert shown["currency"]["refName"] == "USD"


def test_an_invoice_is_numbered_totalled_with_its_tax_and_open(sandbox: SandboxProcess):
    sandbox.a_project("PRJ-UK", subsidiary="2")
    tax = {"items": [{"taxCode": {"id": "GB20"}, "taxBasis": 1000.0, "taxRate": 20, "taxAmount": 200.0}]}

    answer = sandbox.record(
        "PUT",
        "invoice/eid:INV-1",
        sandbox.invoice_body(project="PRJ-UK", taxDetailsOverride=True, taxDetails=tax, tranDate=f"{YEAR}-11-10"),
    )

    assert answer.status_code == 204, answer.text
    shown = sandbox.record("GET", "invoice/eid:INV-1?expandSubResources=true").json()
    assert shown["tranId"] == "INV-UK-1001"
    assert (shown["subtotal"], shown["taxTotal"], shown["total"], shown["amountRemaining"]) == (1000, 200, 1200, 1200)
    assert shown["status"]["id"] == "Open"
    assert shown["dueDate"] == f"{YEAR}-12-10"
    assert shown["postingPeriod"]["refName"] == f"Nov {YEAR}"
    assert shown["taxDetails"]["items"][0]["taxAmount"] == 200


def test_without_replace_an_update_adds_lines(sandbox: SandboxProcess):
    sandbox.a_project()
    sandbox.record("PUT", "invoice/eid:INV-1", sandbox.invoice_body(amount=100))

    sandbox.record("PUT", "invoice/eid:INV-1", sandbox.invoice_body(amount=100))
    added = sandbox.record("GET", "invoice/eid:INV-1?fields=total").json()["total"]
    sandbox.record("PUT", "invoice/eid:INV-1?replace=item", sandbox.invoice_body(amount=70))
    replaced = sandbox.record("GET", "invoice/eid:INV-1?fields=total").json()["total"]

    assert (added, replaced) == (200, 70)


def test_refusals_name_code_and_path(sandbox: SandboxProcess):
    sandbox.a_project()
    bad_item = sandbox.invoice_body()
    bad_item["item"]["items"][0]["item"] = {"id": "9999"}

    assert error_of(sandbox.record("POST", "invoice", bad_item)) == (400, "INVALID_CONTENT", "item.items[0].item")
    assert error_of(sandbox.record("GET", "invoice/eid:NONE")) == (404, "NONEXISTENT_ID", "")
    assert error_of(sandbox.record("POST", "customer", {"companyName": "X"})) == (400, "USER_ERROR", "subsidiary")
    twice = {"companyName": "X", "subsidiary": "1", "externalId": "ACC-1:1"}
    assert error_of(sandbox.record("POST", "customer", twice)) == (400, "USER_ERROR", "externalId")
    foreign = sandbox.invoice_body(subsidiary={"id": "2"})
    assert error_of(sandbox.record("POST", "invoice", foreign)) == (400, "INVALID_CONTENT", "subsidiary")
    assert error_of(sandbox.record("POST", "subsidiary", {"name": "X"}))[:2] == (403, "INSUFFICIENT_PERMISSION")
    broken = sandbox.session.post(
        f"{sandbox.base}/netsuite/services/rest/record/v1/invoice",
        data=b'{"entity": NaN}',
        headers={"authorization": f"Bearer {sandbox.bearer()}"},
    )
    assert error_of(broken)[:2] == (400, "INVALID_CONTENT")


def test_a_closed_period_refuses_its_subsidiary_only(sandbox: SandboxProcess):
    sandbox.a_project("PRJ-US", subsidiary="1")
    sandbox.a_project("PRJ-UK", subsidiary="2")
    sandbox.control("POST", "period", {"subsidiary": "US-01", "period": f"{YEAR}-11", "state": "closed"})

    def bill(project: str) -> int:
        body = sandbox.invoice_body(project=project, tranDate=f"{YEAR}-11-05")
        return sandbox.record("PUT", f"invoice/eid:{project}", body).status_code

    assert (bill("PRJ-US"), bill("PRJ-UK")) == (400, 204)
    sandbox.control("POST", "period", {"subsidiary": "1", "period": f"{YEAR}-11", "state": "open"})
    assert bill("PRJ-US") == 204


def test_a_credit_memo_and_a_payment_settle_an_invoice(sandbox: SandboxProcess):
    sandbox.a_project()
    sandbox.record("PUT", "invoice/eid:INV-1", sandbox.invoice_body(amount=1000))
    invoice = sandbox.record("GET", "invoice/eid:INV-1").json()["id"]
    line = {"items": [{"item": {"id": "101"}, "amount": 400}]}

    made = sandbox.record("POST", f"invoice/{invoice}/!transform/creditMemo", {"externalId": "CRN-1", "item": line})
    after_credit = sandbox.record("GET", f"invoice/{invoice}?fields=amountRemaining,status").json()
    paid = sandbox.control("POST", "pay", {"invoice": invoice})

    assert made.status_code == 204, made.text
    assert (after_credit["amountRemaining"], after_credit["status"]["id"]) == (600, "Open")
    assert (paid["amountRemaining"], paid["status"]) == (0, "Paid In Full")
    again = sandbox.record("POST", f"invoice/{invoice}/!transform/creditMemo", {"externalId": "CRN-1", "item": line})
    assert error_of(again) == (400, "USER_ERROR", "externalId")
    too_much = {
        "entity": {"externalId": "PRJ-1"},
        "item": line,
        "apply": {"items": [{"doc": {"id": invoice}, "apply": True, "amount": 400}]},
    }
    assert error_of(sandbox.record("PUT", "creditMemo/eid:CRN-2", too_much)) == (400, "USER_ERROR", "apply")


def test_an_unpaid_invoice_can_be_voided_once_and_then_never_changes(sandbox: SandboxProcess):
    sandbox.a_project()
    sandbox.record("PUT", "invoice/eid:INV-1", sandbox.invoice_body())

    first = sandbox.restlet({"action": "void", "externalId": "INV-1"})
    again = sandbox.restlet({"action": "void", "externalId": "INV-1"})
    by_patch = sandbox.record("PATCH", "invoice/eid:INV-1", {"voided": True})

    assert first.json()["status"] == "Voided", first.text
    assert (again.status_code, by_patch.status_code) == (200, 204)
    assert error_of(sandbox.record("PATCH", "invoice/eid:INV-1", {"memo": "x"})) == (400, "USER_ERROR", "voided")
    (entry,) = sandbox.ledger(kind="invoice", key="INV-1")
    assert (entry["creations"], entry["updates"]) == (1, 1)


def test_a_charge_is_billed_once_and_free_again_after_a_void(sandbox: SandboxProcess):
    project = sandbox.a_project()
    charge = {
        "billTo": {"id": project},
        "stage": {"id": "READY_FOR_BILLING"},
        "amount": 500,
        "billingItem": {"id": "102"},
    }
    sandbox.record("PUT", "charge/eid:BMS-1", charge)
    body = sandbox.invoice_body()
    body["item"]["items"][0]["charge"] = {"externalId": "BMS-1"}

    def stage() -> str:
        return sandbox.record("GET", "charge/eid:BMS-1").json()["stage"]["id"]

    sandbox.record("PUT", "invoice/eid:INV-1", body)
    billed = stage()
    second = sandbox.record("PUT", "invoice/eid:INV-2", body)
    sandbox.restlet({"action": "void", "externalId": "INV-1"})

    assert (billed, stage()) == ("PROCESSED", "READY_FOR_BILLING")
    assert error_of(second) == (400, "USER_ERROR", "item.items[0].charge")
    assert sandbox.record("POST", f"job/{project}/!transform/invoice", {"externalId": "INV-3"}).status_code == 204
    assert sandbox.record("GET", "invoice/eid:INV-3").json()["total"] == 500


def test_a_project_is_cancelled_but_not_deleted_once_something_depends_on_it(sandbox: SandboxProcess):
    project = sandbox.a_project()
    sandbox.record("PUT", "projectTask/eid:TSK-1", {"project": {"id": project}, "title": "Discovery"})

    assert error_of(sandbox.record("DELETE", f"job/{project}"))[:2] == (400, "USER_ERROR")
    cancelled = sandbox.record("PATCH", f"job/{project}", {"entityStatus": {"id": "1"}, "isInactive": True})
    assert cancelled.status_code == 204
    assert sandbox.record("GET", f"job/{project}").json()["entityStatus"]["refName"] == "Closed"
    assert sandbox.record("DELETE", "projectTask/eid:TSK-1").status_code == 204
    assert sandbox.record("DELETE", f"job/{project}").status_code == 204


def test_a_budget_goes_through_the_restlet_and_is_replaced_not_doubled(sandbox: SandboxProcess):
    sandbox.a_project()
    body = {"action": "set_budget", "project": {"externalId": "PRJ-1"}, "externalId": "BUD-1", "currency": "USD"}

    first = sandbox.restlet({**body, "lines": [{"category": "labour", "hours": 10, "amount": 100}]})
    second = sandbox.restlet({**body, "lines": [{"category": "labour", "hours": 20, "amount": 200}]})
    lost = sandbox.restlet({**body, "project": {"externalId": "NONE"}, "lines": []})

    assert first.json()["id"] == second.json()["id"]
    (entry,) = sandbox.ledger(kind="projectBudget", key="BUD-1")
    assert (entry["creations"], entry["body"]["lines"][0]["amount"]) == (1, 200)
    assert (lost.status_code, lost.json()["error"]["code"]) == (400, "RCRD_DSNT_EXIST")


def test_a_milestone_billed_twice_shows_in_the_ledger_until_one_invoice_is_voided(sandbox: SandboxProcess):
    sandbox.a_project()
    for key in ("INV-1", "INV-2"):
        sandbox.record("PUT", f"invoice/eid:{key}", sandbox.invoice_body(custbody_tieout_milestone="BMS-1"))

    (twice,) = sandbox.ledger(kind="invoice", duplicates="")
    sandbox.restlet({"action": "void", "externalId": "INV-2"})
    (entry,) = sandbox.ledger(kind="invoice", key="BMS-1")

    assert (twice["key"], twice["by"], twice["live"]) == ("BMS-1", "business", 2)
    assert (entry["creations"], entry["live"]) == (2, 1)
    assert sandbox.ledger(kind="invoice", duplicates="") == []
