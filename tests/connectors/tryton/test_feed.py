"""Polling a real Tryton for what changed: everything at least once, and what is ours to ignore ignored."""

from datetime import datetime
from decimal import Decimal

import pytest

from apps.canonical import commands
from apps.canonical.billing import InvoiceStatus
from apps.canonical.codec import from_json
from tests.connectors.tryton.conftest import Erp, Story

pytestmark = pytest.mark.tryton


def about(erp: Erp, ref: str, *, cursor: str = "") -> list[InvoiceStatus]:
    """What the feed tells of one invoice, as the inbox would read it."""
    events = [event for event in erp.changes(cursor).events if event.subject == f"invoice:{ref}"]
    found = [erp.connector.parse(event.body) for event in events]
    return [from_json(InvoiceStatus, envelope.payload) for envelope in found if envelope]


def test_a_payment_booked_in_the_erp_is_told_with_our_key(erp: Erp, begun: Story) -> None:
    create, ref = begun.posted()
    cursor = erp.changes().cursor

    erp.books.pay(ref, amount=Decimal("11900.00"), on=erp.today)

    (told,) = about(erp, ref, cursor=cursor)
    assert (told.key, told.state, told.open_balance) == (create.invoice.id, "paid", 0)
    assert told.posted_on == erp.today


def test_a_draft_is_nobody_s_news_and_a_credit_note_tells_of_the_invoice_it_credits(erp: Erp, begun: Story) -> None:
    draft = erp.execute(begun.invoice("5000.00", first=False)).ref
    create, ref = begun.posted()
    note = erp.execute(
        commands.CreditInvoice(credit_memo_id="CRN-9", credit_date=erp.today, reason="test", **begun.about(create, ref))
    ).ref

    assert about(erp, draft) == []
    assert about(erp, note) == []
    assert [told.state for told in about(erp, ref)] == ["credited"]


def test_the_same_change_seen_again_has_the_same_id(erp: Erp, begun: Story) -> None:
    begun.posted()

    first, again = erp.changes(), erp.changes()

    assert [event.external_id for event in first.events] == [event.external_id for event in again.events]
    assert first.cursor == again.cursor
    assert len({event.external_id for event in first.events}) == len(first.events)


def test_the_cursor_goes_forward_and_overlaps(erp: Erp, begun: Story) -> None:
    _, first = begun.posted("1000.00")
    before = erp.changes()
    _, second = begun.posted("2000.00")

    after = erp.changes(before.cursor)

    assert datetime.fromisoformat(after.cursor.partition("|")[0]) > datetime.fromisoformat(
        before.cursor.partition("|")[0]
    )
    assert {f"invoice:{first}", f"invoice:{second}"} <= {event.subject for event in after.events}
    assert after.events[-1].subject == f"invoice:{second}"


def test_pages_of_one_second_lose_nothing(erp: Erp, begun: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        erp.execute(begun.invoice("100.00"))
    whole = erp.changes()

    monkeypatch.setattr("apps.connectors.tryton.feed.PAGE", 2)
    monkeypatch.setattr("apps.connectors.tryton.feed.MOST_PAGES", 1000)
    paged = erp.changes()

    assert [event.external_id for event in paged.events] == [event.external_id for event in whole.events]


def test_a_cursor_nobody_can_read_starts_a_day_ago(erp: Erp, begun: Story) -> None:
    _, ref = begun.posted("100.00")

    assert f"invoice:{ref}" in {event.subject for event in erp.changes("gibberish").events}
