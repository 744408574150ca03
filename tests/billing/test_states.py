"""The lifecycles of milestones, invoices, credit memos and revenue, as tables and in the database."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from apps.billing.models import BillingMilestone, CreditMemo, Invoice, RevenueSchedule
from apps.billing.states import CREDIT_MEMO_MOVES, INVOICE_MOVES, MILESTONE_MOVES, REVENUE_MOVES
from apps.core.states import state_table
from tests.billing.story import drafted
from tests.contracts.story import achieved

REOPENED = ("eligible", "awaiting_approval", "approved", "invoiced")


def test_milestone_state_table():
    assert state_table(BillingMilestone) == sorted(
        [
            ("planned", "achieve", "achieved"),
            ("invoiced", "achieve", "achieved"),
            ("achieved", "qualify", "eligible"),
            ("eligible", "request_approval", "awaiting_approval"),
            ("awaiting_approval", "approve", "approved"),
            ("approved", "invoice", "invoiced"),
            ("invoiced", "expect_rest", "planned"),
            ("invoiced", "settle", "settled"),
            *((state, "reopen", "achieved") for state in REOPENED),
            ("planned", "hold", "on_hold"),
            ("on_hold", "release", "planned"),
            ("planned", "cancel", "cancelled"),
            ("achieved", "cancel", "cancelled"),
        ]
    )


def test_invoice_state_table():
    assert state_table(Invoice) == sorted(
        [
            ("draft", "request_approval", "awaiting_approval"),
            ("awaiting_approval", "approve", "approved"),
            ("awaiting_approval", "revise", "draft"),
            ("approved", "submit", "submitted"),
            ("submitted", "post", "posted"),
            ("submitted", "reject", "rejected"),
            ("rejected", "revise", "draft"),
            ("posted", "pay_partly", "partly_paid"),
            ("posted", "pay", "paid"),
            ("partly_paid", "pay", "paid"),
            ("posted", "dispute", "disputed"),
            ("disputed", "uphold", "posted"),
            *((state, "credit", "credited") for state in ("posted", "disputed", "partly_paid")),
            *(
                (state, "void", "voided")
                for state in ("draft", "awaiting_approval", "approved", "submitted", "rejected")
            ),
        ]
    )


def test_credit_memo_state_table():
    assert state_table(CreditMemo) == [
        ("approved", "submit", "submitted"),
        ("approved", "void", "voided"),
        ("awaiting_approval", "approve", "approved"),
        ("awaiting_approval", "void", "voided"),
        ("draft", "request_approval", "awaiting_approval"),
        ("draft", "void", "voided"),
        ("posted", "apply", "applied"),
        ("submitted", "post", "posted"),
        ("submitted", "reject", "rejected"),
    ]


def test_revenue_state_table():
    assert state_table(RevenueSchedule) == [
        ("active", "complete", "completed"),
        ("active", "revise", "revised"),
        ("draft", "activate", "active"),
    ]


@pytest.mark.parametrize(
    ("model", "moves"),
    [
        (BillingMilestone, MILESTONE_MOVES),
        (Invoice, INVOICE_MOVES),
        (CreditMemo, CREDIT_MEMO_MOVES),
        (RevenueSchedule, REVENUE_MOVES),
    ],
)
def test_the_database_lists_the_moves_that_transitions_make(model, moves):
    assert {(source, target) for source, _, target in state_table(model)} == set(moves)


@pytest.mark.django_db
@pytest.mark.parametrize("target", ["posted", "paid", "retrying"])
def test_an_invoice_cannot_be_posted_behind_our_back(target):
    invoice, _ = drafted()

    with pytest.raises(IntegrityError), transaction.atomic():
        Invoice.objects.filter(pk=invoice.pk).update(state=target)


@pytest.mark.django_db
def test_a_milestone_cannot_be_settled_behind_our_back():
    milestone = achieved()

    with pytest.raises(IntegrityError), transaction.atomic():
        BillingMilestone.objects.filter(pk=milestone.pk).update(state="settled")


@pytest.mark.django_db
def test_the_database_refuses_to_bill_more_than_the_milestone():
    milestone = achieved()

    with pytest.raises(IntegrityError), transaction.atomic():
        BillingMilestone.objects.filter(pk=milestone.pk).update(invoiced_amount=milestone.amount + Decimal("0.01"))


@pytest.mark.django_db
def test_the_database_refuses_an_invoice_that_does_not_add_up():
    invoice, _ = drafted()

    with pytest.raises(IntegrityError), transaction.atomic():
        Invoice.objects.filter(pk=invoice.pk).update(total=invoice.total + 1)
