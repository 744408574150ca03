"""Drafting, taxing, posting, paying and taking back an invoice."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import transaction
from django_fsm import TransitionNotAllowed
from hypothesis import given
from hypothesis import strategies as st

from apps.audit.models import AuditLine
from apps.audit.work import Work
from apps.billing.actions.invoices import apply_tax, draft_invoice, reject_invoice
from apps.billing.actions.releases import apply_credit, draft_credit, release_invoice
from apps.billing.actions.statuses import Difference, take_status
from apps.billing.models import BillingMilestone, CreditMemo, Invoice, InvoiceLine
from apps.billing.states import MilestoneState
from apps.canonical.parties import TaxLine
from apps.core.errors import Rejected
from tests.billing.story import BY, DAY, ERP, drafted, held, shown, submitted, taken
from tests.contracts.story import STORY, achieved, active_project


def row(invoice: Invoice) -> Invoice:
    return Invoice.objects.select_related("milestone").get(pk=invoice.pk)


def tax(base: str = "600", amount: str = "114.00", **changes) -> TaxLine:
    given = {"ref": "1", "base": base, "rate_percent": "19", "amount": amount, "code": "DE19", "reason": "standard"}
    return TaxLine(**(given | changes))


@pytest.mark.django_db
def test_a_draft_is_over_the_whole_milestone_unless_a_part_is_asked_for():
    invoice, milestone = drafted()

    assert (invoice.net, invoice.total, invoice.open_balance) == (600, 600, 600)
    assert (invoice.state, invoice.revision, invoice.correlation_id) == ("draft", 1, STORY)
    assert (milestone.state, milestone.invoiced_amount, milestone.remaining) == ("eligible", 600, 0)
    assert InvoiceLine.objects.get().amount == 600


@pytest.mark.django_db
def test_a_part_reported_achieved_is_what_is_invoiced():
    invoice, milestone = drafted(achieved(amount=Decimal(250)))

    assert (invoice.net, milestone.remaining) == (250, 350)


@pytest.mark.django_db
def test_a_milestone_is_never_billed_beyond_its_amount():
    milestone = achieved()

    with pytest.raises(Rejected, match=r"600\S* remains") as refused:
        drafted(milestone, Decimal("600.01"))

    assert (refused.value.code, refused.value.field) == ("amount_exceeds_milestone", "amount")
    assert Invoice.objects.count() == 0
    assert BillingMilestone.objects.get(pk=milestone.pk).state == "achieved"


@pytest.mark.django_db
def test_what_is_held_back_is_not_billed():
    milestone = achieved()
    BillingMilestone.objects.filter(pk=milestone.pk).update(held_back=Decimal(60))

    invoice, _ = drafted(milestone)

    assert invoice.net == 540


@pytest.mark.django_db
def test_a_milestone_that_is_not_achieved_is_not_billed():
    milestone = BillingMilestone.objects.get(project=active_project(), code="M1")

    with pytest.raises(Rejected) as refused:
        drafted(milestone)

    assert refused.value.code == "milestone_not_billable"


@pytest.mark.django_db
def test_the_quote_of_the_tax_engine_is_written_line_by_line():
    invoice, _ = drafted()

    with held(invoice) as (work, fresh, _):
        lines = [work.track(one) for one in InvoiceLine.objects.filter(invoice=fresh)]
        state, county = tax("600", "24.00", rate_percent="4"), tax("600", "6.00", rate_percent="1", code="NYC")
        apply_tax(work, fresh, lines, [state, county], by=BY)

    fresh, line = row(invoice), InvoiceLine.objects.get()
    assert (fresh.net, fresh.tax, fresh.total, fresh.open_balance) == (600, 30, 630, 630)
    assert (line.tax_amount, line.tax_rate_percent, line.tax_reason) == (30, 5, "standard")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("quote", "word"),
    [
        ([], "says nothing of line 1"),
        ([tax("599", "114.00")], "over 599"),
        ([tax(), tax(ref="2")], "line 2, which the invoice does not have"),
    ],
)
def test_a_quote_that_does_not_fit_is_refused(quote, word):
    invoice, _ = drafted()

    with pytest.raises(Rejected, match=word) as refused, held(invoice) as (work, fresh, _):
        apply_tax(work, fresh, list(InvoiceLine.objects.filter(invoice=fresh)), quote, by=BY)

    assert refused.value.code == "tax_undeterminable"
    assert row(invoice).tax == 0


@pytest.mark.django_db
def test_a_posted_invoice_knows_its_number_and_day_and_its_milestone_is_invoiced():
    invoice = submitted()

    result = taken(invoice, "posted")

    fresh = row(invoice)
    assert result.events == ("invoice.posted",)
    assert result.differences == ()
    assert (fresh.state, fresh.number, fresh.posted_on) == ("posted", "2026/0077", DAY)
    assert fresh.posted_at is not None
    assert fresh.milestone.state == "invoiced"


@pytest.mark.django_db
def test_a_status_that_skips_states_is_walked_state_by_state():
    invoice = submitted()

    result = taken(invoice, "paid")

    assert result.events == ("invoice.posted", "invoice.paid")
    assert (row(invoice).state, row(invoice).open_balance) == ("paid", 0)
    assert row(invoice).milestone.state == "settled"
    verbs = AuditLine.objects.filter(subject_id=invoice.pk).order_by("seq").values_list("verb", flat=True)
    assert list(verbs)[-2:] == ["post", "pay"]


@pytest.mark.django_db
@pytest.mark.parametrize("stale", ["draft", "posted", "partly_paid"])
def test_a_stale_status_changes_nothing(stale):
    invoice = submitted()
    taken(invoice, "paid")
    before = Invoice.objects.values().get(pk=invoice.pk)

    result = taken(invoice, stale, number="OLD", open_balance=Decimal(600))

    assert result.events == ()
    assert Invoice.objects.values().get(pk=invoice.pk) == before


@pytest.mark.django_db
def test_the_same_status_again_is_no_event():
    invoice = submitted()
    taken(invoice, "posted")
    before = AuditLine.objects.count()

    assert taken(invoice, "posted").events == ()
    assert AuditLine.objects.count() == before


@pytest.mark.django_db
def test_other_totals_in_the_erp_are_a_difference_and_the_state_is_taken_over_all_the_same():
    invoice = submitted()

    result = taken(invoice, "posted", tax=Decimal("0.01"), total=Decimal("600.01"), currency="USD")

    assert result.events == ("invoice.posted",)
    assert result.differences == (
        Difference("tax", "0", "0.01"),
        Difference("total", "600", "600.01"),
        Difference("currency", "EUR", "USD"),
    )
    assert (row(invoice).state, row(invoice).total) == ("posted", 600)


@pytest.mark.django_db
def test_a_disputed_invoice_stays_disputed_until_it_is_paid():
    invoice = submitted()

    assert taken(invoice, "disputed").events == ("invoice.posted", "invoice.disputed")
    assert taken(invoice, "posted").events == ()
    assert row(invoice).state == "disputed"
    assert taken(invoice, "paid").events == ("invoice.paid",)


@pytest.mark.django_db
def test_a_refused_invoice_that_shows_up_posted_was_mended_in_the_erp():
    invoice = submitted()
    with held(invoice) as (work, fresh, _):
        reject_invoice(work, fresh, by=ERP, why="tax code missing")
    assert row(invoice).state == "rejected"

    assert taken(invoice, "draft").events == ()
    assert taken(invoice, "posted").events == ("invoice.posted",)
    assert row(invoice).state == "posted"


@pytest.mark.django_db
def test_a_paid_invoice_that_the_erp_undid_is_a_difference_for_a_person():
    invoice = submitted()
    taken(invoice, "paid")

    result = taken(invoice, "credited")

    assert result.events == ()
    assert result.differences == (Difference("state", "paid", "credited"),)
    assert row(invoice).state == "paid"


@pytest.mark.django_db
def test_a_partly_invoiced_milestone_waits_for_its_rest():
    milestone = achieved(amount=Decimal(250))
    first = submitted(milestone)
    taken(first, "posted")

    fresh = BillingMilestone.objects.get(pk=milestone.pk)
    assert (fresh.state, fresh.remaining) == ("planned", 350)

    second = submitted(achieved(project=fresh.project))
    taken(second, "posted")
    fresh.refresh_from_db()
    assert (fresh.state, fresh.remaining, fresh.last_revision) == ("invoiced", 0, 2)
    assert {one.pk for one in Invoice.objects.all()} == {first.pk, second.pk}


@pytest.mark.django_db
def test_a_voided_invoice_gives_the_milestone_its_amount_back():
    invoice = submitted()
    assert taken(invoice, "voided").events == ("invoice.voided",)
    assert row(invoice).state == "submitted"

    with held(invoice) as (work, fresh, milestone):
        release_invoice(work, fresh, milestone, by=BY, outcome="voided")
        release_invoice(work, fresh, milestone, by=BY, outcome="voided")

    fresh = row(invoice)
    assert (fresh.state, fresh.open_balance) == ("voided", 0)
    assert (fresh.milestone.state, fresh.milestone.invoiced_amount) == ("achieved", 0)
    again, _ = drafted(fresh.milestone)
    assert (again.revision, again.net) == (2, 600)
    assert again.pk != invoice.pk


@pytest.mark.django_db
def test_a_posted_invoice_ends_as_credited_and_can_be_billed_again():
    invoice = submitted()
    taken(invoice, "posted")

    with held(invoice) as (work, fresh, milestone):
        memo = draft_credit(work, fresh, reason="wrong amount", credit_date=DAY, by=BY)
        release_invoice(work, fresh, milestone, by=BY, outcome="credited")

    assert row(invoice).state == "credited"
    assert row(invoice).milestone.state == "achieved"
    assert (CreditMemo.objects.get().total, memo.state) == (600, "draft")
    with held(invoice) as (work, fresh, _):
        again = draft_credit(work, fresh, reason="wrong amount", credit_date=DAY, by=BY)
        apply_credit(work, again, number="CM-7", by=ERP)
    assert [(one.number, one.state) for one in CreditMemo.objects.all()] == [("CM-7", "applied")]
    assert taken(invoice, "posted").events == ()


@pytest.mark.django_db
def test_crediting_a_part_bills_that_part_again_and_not_the_rest():
    milestone = achieved(amount=Decimal(250))
    invoice = submitted(milestone)
    taken(invoice, "posted")

    with held(invoice) as (work, fresh, of):
        release_invoice(work, fresh, of, by=BY, outcome="credited")

    again, of = drafted(BillingMilestone.objects.get(pk=milestone.pk))
    assert (again.net, of.remaining) == (250, 350)


@pytest.mark.django_db
def test_crediting_an_earlier_part_does_not_disturb_the_part_under_way():
    first = submitted(achieved(amount=Decimal(250)))
    taken(first, "posted")
    second, _ = drafted(achieved(project=first.project))

    with held(first) as (work, fresh, milestone):
        release_invoice(work, fresh, milestone, by=BY, outcome="credited")

    milestone = BillingMilestone.objects.get(pk=first.milestone_id)
    assert (milestone.state, milestone.invoiced_amount) == ("eligible", second.net)


@pytest.mark.django_db
def test_a_paid_invoice_is_not_taken_back():
    invoice = submitted()
    taken(invoice, "paid")

    with pytest.raises(TransitionNotAllowed), held(invoice) as (work, fresh, milestone):
        release_invoice(work, fresh, milestone, by=BY, outcome="credited")

    assert row(invoice).state == "paid"


@given(
    st.decimals(min_value="0.01", max_value=10**6, places=2),
    st.decimals(min_value=0, max_value=10**4, places=2),
    st.lists(st.decimals(min_value="-1", max_value=10**6, places=2), max_size=8),
)
def test_partial_invoices_never_pass_the_amount(amount, held_back, parts):
    milestone = BillingMilestone(id="BMS-1", code="M1", currency="EUR", amount=amount, held_back=min(held_back, amount))
    total = Decimal(0)

    for part in parts:
        milestone.__dict__["state"] = MilestoneState.ACHIEVED
        try:
            total += draft_invoice(
                Work(), milestone, amount=part, invoice_date=date(2026, 11, 1), correlation_id="x" * 8, by=BY
            ).invoice.net
        except Rejected:
            continue

    assert total == milestone.invoiced_amount <= amount - milestone.held_back
    assert milestone.remaining >= 0


@given(st.lists(st.sampled_from(["draft", "posted", "disputed", "partly_paid", "paid"]), max_size=10))
def test_an_invoice_never_goes_back_whatever_order_statuses_come_in(states):
    invoice = Invoice(
        id="INV-1", state="approved", currency="EUR", net=600, tax=0, total=600, open_balance=600, correlation_id="x"
    )
    level = {"approved": 0, "submitted": 1, "posted": 2, "disputed": 2, "partly_paid": 3, "paid": 4}
    events: list[str] = []

    for state in states:
        before, balance = level[invoice.state], invoice.open_balance
        events += take_status(Work(), invoice, shown(invoice, state), by=ERP).events
        assert level[invoice.state] >= before
        assert invoice.open_balance <= balance

    assert events.count("invoice.posted") <= 1
    assert events.count("invoice.paid") <= 1
    assert ("invoice.paid" in events) == (invoice.state == "paid")


@pytest.mark.django_db
def test_drafting_asks_the_database_nothing(django_assert_max_num_queries):
    milestone = achieved()

    with transaction.atomic():
        work = Work()
        row = work.lock(BillingMilestone, [milestone.pk])[milestone.pk]
        with django_assert_max_num_queries(0):
            draft_invoice(work, row, amount=Decimal(1), invoice_date=DAY, correlation_id=STORY, by=BY)
