"""Invoices in a real Tryton: drafted, posted, paid, voided and credited, each exactly once."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from apps.canonical import commands
from apps.core.errors import Rejected
from tests.connectors.tryton.conftest import Erp, Story

pytestmark = pytest.mark.tryton


def test_an_invoice_sent_twice_is_one_draft_with_our_key(erp: Erp, begun: Story) -> None:
    create = begun.invoice()

    first = erp.execute(create)
    again = erp.execute(create)

    assert first == again == erp.lookup(create)
    assert erp.books.count("account.invoice", ["reference", "=", create.invoice.id]) == 1
    assert {name: first.payload[name] for name in ("key", "state", "number", "net", "tax", "total", "open_balance")} == {
        "key": create.invoice.id, "state": "draft", "number": "",
        "net": "10000.00", "tax": "1900.00", "total": "11900.00", "open_balance": "11900.00",
    }  # fmt: skip


def test_a_milestone_is_billed_in_parts_and_never_beyond_its_amount(erp: Erp, begun: Story) -> None:
    first = erp.execute(begun.invoice("3333.33"))
    second = erp.execute(begun.invoice("6666.66"))

    with pytest.raises(Rejected) as refused:
        erp.execute(begun.invoice("0.02"))

    assert (first.payload["total"], second.payload["total"]) == ("3966.66", "7933.33")
    assert refused.value.field == "lines.amount"
    assert erp.books.count("account.invoice", ["party", "=", int(begun.customer_ref)]) == 2
    erp.execute(begun.invoice("0.01"))
    milestone = erp.books.read("project.work", begun.milestones[begun.milestone_ids[0]], "invoiced_amount")
    assert milestone["invoiced_amount"] == Decimal("10000.00")


def test_posting_twice_books_once(erp: Erp, begun: Story) -> None:
    create = begun.invoice()
    post = commands.PostInvoice(**begun.about(create, erp.execute(create).ref))
    assert erp.lookup(post) is None

    first = erp.execute(post)
    again = erp.execute(post)

    assert first == again == erp.lookup(post)
    assert (first.payload["state"], first.payload["posted_on"]) == ("posted", erp.today.isoformat())
    assert first.payload["number"].startswith(f"RE-{erp.today.year}-")
    invoice = ["origin", "=", f"account.invoice,{first.ref}"]
    assert erp.books.count("account.move", invoice) == 1


def test_reverse_charge_is_billed_without_tax_and_its_warning_acknowledged(erp: Erp, begun: Story) -> None:
    create = begun.invoice("5000.00", tax_code="RC", rate=0, first=False)
    ref = erp.execute(create).ref

    posted = erp.execute(commands.PostInvoice(**begun.about(create, ref)))

    assert (posted.payload["state"], posted.payload["tax"], posted.payload["total"]) == ("posted", "0.00", "5000.00")


def test_an_invoice_dated_ahead_is_not_posted_behind_tryton_s_warning(erp: Erp, begun: Story) -> None:
    create = begun.invoice(invoice_date=erp.today + timedelta(days=3))
    ref = erp.execute(create).ref

    with pytest.raises(Rejected, match="in the future") as refused:
        erp.execute(commands.PostInvoice(**begun.about(create, ref)))

    assert refused.value.field == "invoice_date"
    assert erp.books.read("account.invoice", ref, "state")["state"] == "draft"


def test_an_invoice_in_a_closed_period_is_not_posted(erp: Erp, begun: Story) -> None:
    day = date(erp.today.year - 1, 3, 15)
    erp.books.close_period(day)
    create = begun.invoice(invoice_date=day)
    ref = erp.execute(create).ref

    with pytest.raises(Rejected) as refused:
        erp.execute(commands.PostInvoice(**begun.about(create, ref)))

    assert refused.value.code == "period_closed"
    assert erp.books.read("account.invoice", ref, "state")["state"] == "draft"
    erp.books.reopen_period(day)


def test_periods_are_open_closed_or_not_there(erp: Erp) -> None:
    day = date(erp.today.year - 1, 5, 15)
    erp.books.close_period(day)

    states = [
        erp.execute(commands.CheckPeriod(legal_entity="DE-01", day=asked)).payload
        for asked in (erp.today, day, date(2001, 1, 1))
    ]

    assert states == [
        {"state": "open", "period": f"{erp.today:%Y-%m}"},
        {"state": "closed", "period": f"{day:%Y-%m}"},
        {"state": "closed", "period": ""},
    ]


def test_totals_that_tryton_would_not_make_leave_no_draft(erp: Erp, begun: Story) -> None:
    create = begun.invoice(tax=Decimal("1899.99"), total=Decimal("11899.99"))

    with pytest.raises(Rejected) as refused:
        erp.execute(create)

    assert refused.value.field == "total"
    assert erp.books.count("account.invoice", ["party", "=", int(begun.customer_ref)]) == 0
    assert erp.execute(begun.invoice()).payload["total"] == "11900.00"


def test_the_same_key_with_another_amount_is_a_duplicate_to_look_at(erp: Erp, begun: Story) -> None:
    create = begun.invoice("1000.00")
    erp.execute(create)
    other = begun.invoice("2000.00", id=create.invoice.id)

    for ask in (erp.execute, erp.lookup):
        with pytest.raises(Rejected) as refused:
            ask(other)
        assert refused.value.code == "duplicate_in_vendor"

    assert erp.books.count("account.invoice", ["party", "=", int(begun.customer_ref)]) == 1


def test_a_line_without_a_tax_code_and_one_with_an_unknown_code_are_refused(erp: Erp, begun: Story) -> None:
    found = []
    for code in ("", "FR20"):
        with pytest.raises(Rejected) as refused:
            erp.execute(begun.invoice(tax_code=code))
        found.append((refused.value.code, refused.value.field))

    assert found == [("tax_undeterminable", "lines.tax_code"), ("value_unmapped", "lines.tax_code")]
    assert erp.books.count("account.invoice", ["party", "=", int(begun.customer_ref)]) == 0


def test_a_customer_without_an_address_is_not_billed(erp: Erp, begun: Story) -> None:
    addresses = [one["id"] for one in erp.books.find("party.address", ["party", "=", int(begun.customer_ref)])]
    erp.books.call("model.party.address.delete", addresses)

    with pytest.raises(Rejected) as refused:
        erp.execute(begun.invoice())

    assert refused.value.code == "bill_to_missing"


def test_a_voided_draft_is_cancelled_and_its_milestone_free(erp: Erp, begun: Story) -> None:
    create = begun.invoice()
    void = commands.VoidInvoice(**begun.about(create, erp.execute(create).ref))
    assert erp.lookup(void) is None

    first = erp.execute(void)
    again = erp.execute(void)

    assert first == again == erp.lookup(void)
    assert (first.payload["state"], first.payload["open_balance"]) == ("voided", "0")
    milestone = erp.books.read("project.work", begun.milestones[begun.milestone_ids[0]], "invoiced_amount")
    assert milestone["invoiced_amount"] == 0
    assert erp.lookup(create) is None
    assert erp.execute(begun.invoice()).payload["state"] == "draft"


def test_a_posted_invoice_is_not_voided(erp: Erp, begun: Story) -> None:
    create, ref = begun.posted()

    with pytest.raises(Rejected, match="Credit it instead"):
        erp.execute(commands.VoidInvoice(**begun.about(create, ref)))

    assert erp.books.read("account.invoice", ref, "state")["state"] == "posted"


def test_a_credited_invoice_owes_nothing_and_its_milestone_is_free(erp: Erp, begun: Story) -> None:
    create, ref = begun.posted()
    credit = commands.CreditInvoice(
        credit_memo_id="CRN-1", credit_date=erp.today, reason="wrong customer", **begun.about(create, ref)
    )
    assert erp.lookup(credit) is None

    first = erp.execute(credit)
    again = erp.execute(credit)

    assert first == again == erp.lookup(credit)
    assert first.payload["number"].startswith(f"GS-{erp.today.year}-")
    invoice = first.payload["invoice"]
    assert (invoice["state"], invoice["open_balance"]) == ("credited", "0")
    assert erp.books.count("account.invoice", ["lines.origin.invoice", "=", int(ref), "account.invoice.line"]) == 1
    lines = erp.books.find("account.move.line", ["party", "=", int(begun.customer_ref)], fields=("debit", "credit"))
    assert sum(line["debit"] - line["credit"] for line in lines) == 0
    rebilled, _ = begun.posted()
    assert rebilled.invoice.id != create.invoice.id


def test_a_draft_and_a_paid_invoice_are_not_credited(erp: Erp, begun: Story) -> None:
    draft = begun.invoice("5000.00", first=False)
    paid, paid_ref = begun.posted()
    erp.books.pay(paid_ref, amount=Decimal("4000.00"), on=erp.today)

    for create, ref in ((draft, erp.execute(draft).ref), (paid, paid_ref)):
        with pytest.raises(Rejected, match="only a posted one that nobody has paid"):
            erp.execute(
                commands.CreditInvoice(
                    credit_memo_id="CRN-2", credit_date=erp.today, reason="no", **begun.about(create, ref)
                )
            )

    assert erp.books.count("account.invoice", ["party", "=", int(begun.customer_ref)], ["total_amount", "<", 0]) == 0


def test_payments_show_as_what_is_still_open(erp: Erp, begun: Story) -> None:
    create, ref = begun.posted()
    read = commands.ReadInvoice(**begun.about(create, ref))
    seen = []

    for amount in ("4000.00", "7900.00"):
        erp.books.pay(ref, amount=Decimal(amount), on=erp.today)
        payload = erp.execute(read).payload
        seen.append((payload["state"], payload["open_balance"]))

    assert seen == [("partly_paid", "7900.00"), ("paid", "0")]


def test_an_invoice_nobody_has_is_a_missing_reference(erp: Erp, begun: Story) -> None:
    for ref in ("999999", "RE-1"):
        with pytest.raises(Rejected) as refused:
            erp.execute(commands.ReadInvoice(invoice_id="INV-X", invoice_ref=ref, legal_entity="DE-01"))
        assert refused.value.code == "crosswalk_missing"


def test_posting_what_somebody_else_changed_is_refused(erp: Erp, begun: Story) -> None:
    create = begun.invoice()
    drafted = erp.execute(create)
    erp.books.call("model.account.invoice.write", [int(drafted.ref)], {"description": "changed by hand"})
    post = commands.PostInvoice(**begun.about(create, drafted.ref))

    with pytest.raises(Rejected) as refused:
        erp.execute(post, expected_version=drafted.version)

    assert refused.value.code == "concurrent_change"
    assert erp.books.read("account.invoice", drafted.ref, "state")["state"] == "draft"
    fresh = erp.execute(commands.ReadInvoice(**begun.about(create, drafted.ref))).version
    assert erp.execute(post, expected_version=fresh).payload["state"] == "posted"
