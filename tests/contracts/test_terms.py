"""What a reading of a deal leads to: customers, contract, versions, approval."""

from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.audit.models import AuditLine
from apps.audit.work import Work
from apps.contracts.actions.terms import apply_terms
from apps.contracts.models import Account, Contract, ContractLine, ContractRevision
from tests.contracts.story import BY, STORY, company, deal, line, reading, told

pytestmark = pytest.mark.django_db


def test_a_won_deal_becomes_an_approved_contract_with_an_active_customer():
    applied = told(deal("9001", line("DE-01", "600", "400"), line("US-01", "500", service="ADVISORY")))[0]

    contract = Contract.objects.get()
    assert (contract.state, contract.value, contract.revision) == ("approved", Decimal(1500), 1)
    assert contract.approved_at is not None
    assert Account.objects.get().state == "active"
    assert ContractLine.objects.count() == 2
    assert (applied.is_new, applied.newly_approved, applied.changes, applied.breaches) == (True, True, (), ())
    assert [(one.legal_entity, one.amount) for one in applied.entities] == [("DE-01", 1000), ("US-01", 500)]


def test_every_move_of_a_new_contract_is_an_audit_line_of_the_story():
    contract = told(deal())[0].contract

    lines = AuditLine.objects.filter(subject_id=contract.pk).order_by("seq")
    assert [one.verb for one in lines] == ["create", "submit", "approve"]
    assert {one.correlation_id for one in lines} == {STORY}


def test_a_deal_that_is_not_won_stays_a_draft_until_it_is():
    first = told(deal(won=False))[0]
    second = told(deal(won=True))[0]

    assert (first.is_new, first.newly_approved, first.contract.state) == (True, False, "draft")
    assert (second.is_new, second.newly_approved, second.contract.state) == (False, True, "approved")
    assert second.changes == ()


def test_the_same_terms_again_change_nothing():
    told(deal())
    before = AuditLine.objects.count()

    again = told(deal(changed_at="2026-11-03T09:00:00Z", name="Deal 9001"))[0]

    assert (again.is_new, again.newly_approved, again.changes) == (False, False, ())
    assert AuditLine.objects.count() == before
    assert ContractRevision.objects.count() == 1


def test_a_new_name_of_the_deal_is_shown_but_is_no_new_version():
    told(deal())

    again = told(deal(name="Kiel yard, phase 1"))[0]

    assert Contract.objects.get().name == "Kiel yard, phase 1"
    assert again.changes == ()
    assert Contract.objects.get().revision == 1


def test_other_terms_are_a_further_version_with_the_list_of_differences():
    told(deal("9001", line("DE-01", "600", "400"), line("UK-01", "100")))

    applied = told(deal("9001", line("DE-01", "700", "400"), value=Decimal(1100)))[0]

    contract = Contract.objects.get()
    assert (contract.revision, contract.state) == (2, "approved")
    assert [(one.path, one.old, one.new) for one in applied.changes] == [
        ("lines.DE-01:IMPLEMENTATION.amount", "1000", "1100"),
        ("lines.DE-01:IMPLEMENTATION.milestones.M1.amount", "600", "700"),
        ("lines.UK-01:IMPLEMENTATION", "100", None),
    ]
    assert str(applied.changes[1]) == "Line DE-01:IMPLEMENTATION, milestone M1, amount: 600 → 700"
    assert applied.is_amended
    assert ContractLine.objects.get(legal_entity="UK-01").removed_in == 2
    assert ContractLine.objects.get(legal_entity="DE-01").amount == 1100
    assert list(ContractRevision.objects.order_by("number").values_list("number", flat=True)) == [1, 2]


def test_a_line_that_comes_back_counts_again():
    told(deal("9001", line("DE-01"), line("UK-01", "100")))
    told(deal("9001", line("DE-01")))

    told(deal("9001", line("DE-01"), line("UK-01", "100")))

    assert ContractLine.objects.get(legal_entity="UK-01").removed_in is None


def test_a_deal_that_is_lost_after_all_is_reported_and_nothing_is_undone():
    told(deal("9001", line("DE-01", "600")))

    lost = told(deal("9001", line("DE-01", "50"), won=False))[0]

    contract = Contract.objects.get()
    assert (contract.state, contract.value, contract.revision) == ("approved", 600, 1)
    assert [(one.path, one.old, one.new) for one in lost.changes] == [("won", "won", "lost")]
    assert (lost.is_lost, lost.is_amended) == (True, False)
    assert lost.entities[0].amount == 600


def test_terms_owned_by_the_erp_keep_their_value_and_the_breach_is_reported():
    account = told(deal())[0].account
    Account.objects.filter(pk=account.pk).update(payment_terms_days=45)

    applied = told(deal(account=company(payment_terms_days=60)))[0]

    assert Account.objects.get().payment_terms_days == 45
    assert [(one.object, one.breach.field, one.breach.old, one.breach.new) for one in applied.breaches] == [
        ("account", "payment_terms_days", 45, 60)
    ]
    assert applied.breaches[0].message(system="hubspot").startswith("hubspot changed account.payment_terms_days")


def test_repeating_an_old_value_is_no_write_of_it():
    account = told(deal())[0].account
    Account.objects.filter(pk=account.pk).update(payment_terms_days=45)

    applied = told(deal())[0]

    assert applied.breaches == ()
    assert Account.objects.get().payment_terms_days == 45


def test_a_value_that_another_contract_changed_meanwhile_comes_back():
    told(deal("9001"), deal("9002", account=company(domain="new.example")))
    assert Account.objects.get().domain == "new.example"

    told(deal("9001", account=company(domain="old.example")))

    assert Account.objects.get().domain == "old.example"


def test_a_system_that_owns_nothing_of_a_contract_changes_nothing_of_it():
    contract = told(deal())[0].contract

    with transaction.atomic():
        work = Work()
        foreign = replace(reading(deal("9001", line("DE-01", "5"))), system_kind="psa")
        applied = apply_terms(work, [foreign], by=BY)[0]
        work.flush()

    assert Contract.objects.get(pk=contract.pk).value == 1000
    assert {one.breach.field for one in applied.breaches} == {"value", "lines"}
    assert applied.changes == ()


def test_parents_are_kept_as_customers_too():
    group = company("700", name="Group AG", parent_ref="")

    applied = told(deal(account=company(parent_ref="700"), hierarchy=(group,)))[0]

    assert applied.account.parent_ref == "700"
    assert Account.objects.get(ref="700").state == "prospect"


def test_a_deal_without_a_company_is_kept_without_a_customer():
    applied = told(deal(account=None))[0]

    assert applied.account is None
    assert Contract.objects.get().account is None


def test_two_readings_of_one_deal_in_one_set_are_applied_one_after_the_other():
    first, second = told(deal("9001", line("DE-01", "600")), deal("9001", line("DE-01", "700")))

    assert (first.is_new, second.is_new) == (True, False)
    assert next((one.path, one.new) for one in second.changes) == (
        "lines.DE-01:IMPLEMENTATION.amount",
        "700",
    )
    assert Contract.objects.get().revision == 2


def test_a_hundred_readings_cost_as_many_queries_as_one():
    deals = [deal(str(number), account=company(str(number))) for number in range(1, 101)]
    work = Work()

    with (
        transaction.atomic(),
        CaptureQueriesContext(
            connection,
        ) as new,
    ):
        apply_terms(work, [reading(one) for one in deals], by=BY)
        work.flush()
    with transaction.atomic(), CaptureQueriesContext(connection) as again:
        work = Work()
        apply_terms(work, [reading(one) for one in deals], by=BY)
    with transaction.atomic(), CaptureQueriesContext(connection) as amended:
        work = Work()
        apply_terms(work, [reading(one.model_copy(update={"value": Decimal(7)})) for one in deals], by=BY)
        work.flush()

    statements = [query["sql"] for query in new if not query["sql"].startswith(("SAVEPOINT", "RELEASE"))]
    assert len([one for one in statements if not one.startswith(("INSERT", "COPY"))]) <= 8
    assert len([one for one in statements if one.startswith(("INSERT", "COPY"))]) <= 6
    assert len(again) <= 8
    assert len(amended) <= 14
    assert Contract.objects.filter(revision=2).count() == 100
