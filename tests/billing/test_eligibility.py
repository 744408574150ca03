"""What blocks an invoice, each blocker by itself, on facts and on real rows."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.billing.eligibility import BillingFacts, Period, why_not_billable
from apps.billing.models import BillingMilestone, FiscalPeriod
from apps.billing.queries import billing_facts, open_invoices, po_used
from apps.contracts.models import Account, ContractLine, TaxProfile
from apps.core import clock
from apps.core.money import Money
from apps.exceptions.catalogue import KINDS
from tests.billing.story import drafted, submitted, taken
from tests.contracts.story import achieved, active_project, deal, line

TODAY = date(2026, 11, 20)
OCTOBER = Period(date(2026, 10, 1), date(2026, 10, 31), "closed")
NOVEMBER = Period(date(2026, 11, 1), date(2026, 11, 30), "open")
FACTS = BillingFacts(
    milestone_id="BMS-1",
    code="M2",
    is_achieved=True,
    is_on_hold=False,
    has_evidence=True,
    currency="EUR",
    amount=Decimal(1000),
    held_back=Decimal(100),
    invoiced=Decimal(400),
    legal_entity="DE-01",
    contract_state="active",
    project_state="active",
    account_state="active",
    has_credit_hold=False,
    has_tax_profile=True,
    periods=(OCTOBER, NOVEMBER),
)

CASES = [
    ("out_of_order", "contract_not_active", {"contract_state": "suspended"}),
    ("out_of_order", "project_not_active", {"project_state": "provisioning"}),
    ("out_of_order", "not_achieved", {"is_achieved": False}),
    ("out_of_order", "evidence_missing", {"has_evidence": False}),
    ("out_of_order", "predecessor_open", {"predecessors": ("M1",)}),
    ("out_of_order", "milestone_on_hold", {"is_on_hold": True}),
    ("out_of_order", "credit_hold", {"has_credit_hold": True}),
    ("out_of_order", "credit_hold", {"account_state": "on_hold"}),
    ("schedule_total_mismatch", "nothing_remains", {"invoiced": Decimal(900)}),
    ("schedule_total_mismatch", "amount_not_positive", {"asked": Decimal(0)}),
    ("schedule_total_mismatch", "amount_exceeds_milestone", {"asked": Decimal("500.01")}),
    ("po_exhausted", "", {"po_amount": Decimal("499.99")}),
    ("po_exhausted", "", {"po_amount": Decimal(1000), "po_used": Decimal(400), "po_reserved": Decimal(200)}),
    ("period_closed", "period_closed", {"periods": (replace(NOVEMBER, state="closed"),)}),
    ("period_closed", "period_closing", {"periods": (replace(NOVEMBER, state="closing"),)}),
    ("period_closed", "period_missing", {"periods": (OCTOBER,)}),
    ("tax_profile_unconfirmed", "", {"has_tax_profile": False}),
]


def test_nothing_stands_in_the_way_of_a_sound_milestone():
    assert why_not_billable(FACTS, today=TODAY) == ()
    assert FACTS.money == Money(Decimal(500), "EUR")


@pytest.mark.parametrize(("kind", "code", "changes"), CASES)
def test_each_obstacle_is_one_blocker_with_the_mend_in_words(kind, code, changes):
    blockers = why_not_billable(replace(FACTS, **changes), today=TODAY)

    assert [(blocker.kind, blocker.code) for blocker in blockers] == [(kind, code)]
    assert kind in KINDS
    assert blockers[0].message.endswith(".")


def test_a_purchase_order_may_be_used_up_to_the_last_cent():
    assert why_not_billable(replace(FACTS, po_amount=Decimal(500)), today=TODAY) == ()


def test_the_closed_period_is_named_with_the_day():
    blocker = why_not_billable(FACTS, today=date(2026, 10, 31))[0]

    assert "2026-10 of DE-01 is closed" in blocker.message
    assert "2026-10-31" in blocker.message


@pytest.mark.django_db
def test_an_achieved_milestone_on_real_rows_is_billable():
    milestone = achieved()

    facts = billing_facts([milestone.pk])[milestone.pk]

    assert why_not_billable(facts, today=clock.now().date()) == ()
    assert (facts.to_invoice, facts.po_amount) == (600, None)


@pytest.mark.django_db
def test_a_later_milestone_waits_for_the_earlier_unless_the_line_says_otherwise():
    milestone = achieved("M2")

    in_order = billing_facts([milestone.pk])[milestone.pk]
    ContractLine.objects.update(milestones_in_order=False)
    in_any_order = billing_facts([milestone.pk])[milestone.pk]

    assert in_order.predecessors == ("M1",)
    assert in_any_order.predecessors == ()


@pytest.mark.django_db
def test_milestones_without_a_date_follow_their_number():
    amounts = ["1"] * 11
    terms = line("DE-01", *amounts)
    undated = tuple(one.model_copy(update={"due_on": None}) for one in terms.milestones)
    project = active_project(deal("9001", terms.model_copy(update={"milestones": undated})))
    tenth = achieved("M10", project=project)

    assert billing_facts([tenth.pk])[tenth.pk].predecessors == tuple(f"M{number}" for number in range(1, 10))


@pytest.mark.django_db
def test_everything_that_is_wrong_on_real_rows_is_told_at_once():
    milestone = achieved(evidence={})
    TaxProfile.objects.update(valid_to=clock.now().date() - timedelta(days=1))
    FiscalPeriod.objects.update(state="closed")
    Account.objects.update(credit_hold=True)

    blockers = why_not_billable(billing_facts([milestone.pk])[milestone.pk], today=clock.now().date())

    assert [(blocker.kind, blocker.code) for blocker in blockers] == [
        ("out_of_order", "evidence_missing"),
        ("out_of_order", "credit_hold"),
        ("period_closed", "period_closed"),
        ("tax_profile_unconfirmed", ""),
    ]


@pytest.mark.django_db
def test_a_purchase_order_falls_with_what_is_posted_and_what_is_on_its_way():
    project = active_project(deal(po_number="PO-7", po_amount=Decimal(900)))
    first = submitted(achieved("M1", project=project))
    second = achieved("M2", project=project)

    before = billing_facts([second.pk])[second.pk]
    taken(first, "posted")
    after = billing_facts([second.pk])[second.pk]

    assert (before.po_used, before.po_reserved) == (0, 600)
    assert (after.po_used, after.po_reserved) == (600, 0)
    assert po_used([project.contract_id]) == {project.contract_id: 600}
    assert [blocker.kind for blocker in why_not_billable(after, today=clock.now().date())] == ["po_exhausted"]


@pytest.mark.django_db
def test_invoices_that_are_not_paid_are_known_by_milestone():
    invoice = submitted()

    assert open_invoices([invoice.milestone_id]) == {invoice.milestone_id: {invoice.pk}}
    taken(invoice, "paid")
    assert open_invoices([invoice.milestone_id]) == {}


@pytest.mark.django_db
def test_facts_of_many_milestones_cost_as_many_queries_as_of_one():
    project = active_project(deal("9001", line("DE-01", *["10"] * 12), po_amount=Decimal(120)))
    drafted(achieved("M1", project=project))
    milestones = list(BillingMilestone.objects.values_list("pk", flat=True))

    with CaptureQueriesContext(connection) as captured:
        facts = billing_facts(milestones, asked={milestones[0]: Decimal(5)})

    assert len(facts) == 12
    assert facts[milestones[0]].to_invoice == 5
    assert len(captured) <= 6
