"""The system-of-record matrix at the door: who may write what, and what follows when another system does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.governance.models import SystemOfRecordRule
from apps.governance.ownership import Ownership, check_write, matrix, may_write, rules_now
from apps.governance.states import Policy, RuleState, SystemKind

MATRIX = matrix(
    [
        Ownership("account", "*", "crm", Policy.REJECT, others_may_fill=True),
        Ownership("account", "name", "crm", Policy.OVERWRITE, others_may_fill=True),
        Ownership("account", "bill_to", "crm", Policy.FLAG),
        Ownership("account", "payment_terms_days", "erp", Policy.REJECT, others_may_fill=True),
        Ownership("account", "credit_hold", "erp", Policy.REJECT),
        Ownership("invoice", "*", "erp", Policy.OVERWRITE),
    ]
)
FIELDS = st.sampled_from(["name", "bill_to", "payment_terms_days", "credit_hold", "domain", "something_new"])
VALUES = st.sampled_from([None, "", 0, False, "old", "new", 30])
KINDS = st.sampled_from(list(SystemKind))
CHANGES = st.dictionaries(FIELDS, st.tuples(VALUES, VALUES))


def test_the_owner_writes_its_field():
    verdict = check_write(MATRIX, {"name": ("Aurora", "Aurora SE")}, object="account", system="crm")

    assert verdict.allowed == {"name": ("Aurora", "Aurora SE")}
    assert verdict.breaches == ()


def test_a_credit_hold_set_by_the_crm_is_rejected_and_told():
    verdict = check_write(MATRIX, {"credit_hold": (True, False)}, object="account", system="crm")

    assert verdict.allowed == {}
    (breach,) = verdict.rejected
    assert breach.message(object="account", system="hubspot") == (
        "hubspot changed account.credit_hold, which belongs to erp: the value was not taken over."
    )


def test_a_flagged_write_is_taken_over_and_told():
    verdict = check_write(MATRIX, {"bill_to": ("a", "b")}, object="account", system="erp")

    assert verdict.allowed == {"bill_to": ("a", "b")}
    assert [breach.field for breach in verdict.flagged] == ["bill_to"]


def test_a_name_changed_in_the_erp_is_written_back_from_the_owner():
    verdict = check_write(MATRIX, {"name": ("Aurora", "AURORA GMBH")}, object="account", system="erp")

    assert verdict.allowed == {}
    assert [(breach.field, breach.old) for breach in verdict.to_write_back] == [("name", "Aurora")]


def test_another_system_may_give_the_first_value_where_the_rule_lets_it_but_not_the_second():
    first = check_write(MATRIX, {"payment_terms_days": (None, 30)}, object="account", system="crm")
    second = check_write(MATRIX, {"payment_terms_days": (30, 90)}, object="account", system="crm")

    assert first.allowed == {"payment_terms_days": (None, 30)}
    assert second.allowed == {}


def test_a_hold_that_is_off_is_not_an_empty_field():
    verdict = check_write(MATRIX, {"credit_hold": (False, True)}, object="account", system="crm")

    assert [breach.field for breach in verdict.rejected] == ["credit_hold"]


def test_a_field_nobody_wrote_a_rule_for_belongs_to_the_object_and_an_object_without_rules_to_tieout():
    assert may_write(MATRIX, object="invoice", field="number", system="erp")
    assert not may_write(MATRIX, object="invoice", field="number", system="crm")
    assert not may_write(MATRIX, object="spaceship", field="name", system="crm")
    assert may_write(MATRIX, object="spaceship", field="name", system="tieout")


@given(CHANGES, KINDS)
def test_every_real_change_is_either_written_or_told_and_no_other(changes, system):
    verdict = check_write(MATRIX, changes, object="account", system=system)

    real = {name for name, (old, new) in changes.items() if old != new}
    breached = {breach.field for breach in verdict.breaches}
    assert set(verdict.allowed) | breached == real
    assert set(verdict.allowed) & breached == {breach.field for breach in verdict.flagged}
    assert all(verdict.allowed[name] == changes[name] for name in verdict.allowed)


@given(CHANGES, KINDS)
def test_a_field_with_a_value_is_never_changed_by_a_system_that_does_not_own_it(changes, system):
    verdict = check_write(MATRIX, changes, object="account", system=system)

    for name, (old, _) in verdict.allowed.items():
        rule = MATRIX.rule("account", name)
        owns = may_write(MATRIX, object="account", field=name, system=system)
        assert owns or rule.policy == Policy.FLAG or (rule.others_may_fill and old in (None, "", 0))


@given(CHANGES)
def test_an_owner_of_everything_breaches_nothing(changes):
    verdict = check_write(MATRIX, changes, object="account", system="tieout")

    assert verdict.breaches == ()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("object_", "field", "owner"),
    [
        ("account", "name", "crm"), ("account", "tax_id", "crm"), ("account", "payment_terms_days", "erp"),
        ("account", "credit_hold", "erp"), ("account", "tax_profile", "tax"), ("contract", "value", "crm"),
        ("contract", "signed_at", "esign"), ("project", "budget", "erp"), ("project_task", "name", "psa"),
        ("time_entry", "hours", "psa"), ("milestone", "amount", "erp"), ("milestone", "achieved_on", "psa"),
        ("invoice", "number", "erp"), ("credit_memo", "number", "erp"), ("revenue_schedule", "lines", "erp"),
    ],
)  # fmt: skip
def test_the_default_rows_give_each_field_the_owner_the_domain_names(object_, field, owner):
    assert rules_now().rule(object_, field).owner == owner


@pytest.mark.django_db
def test_the_matrix_is_read_once_until_a_rule_changes(django_assert_num_queries):
    before = rules_now()

    with django_assert_num_queries(1):
        assert rules_now().rules == before.rules

    SystemOfRecordRule.objects.filter(object="account", field="domain", state=RuleState.LIVE).delete()
    assert ("account", "domain") not in rules_now().rules
