"""Which role must approve what."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.access.roles import Role
from apps.governance.policies import WITHOUT_POLICY, ApprovalRule, policies_now, required_role

POLICIES = (
    ApprovalRule("invoice", "finance_ops"),
    ApprovalRule("invoice", "", currency="EUR"),
    ApprovalRule("invoice", "finance_ops", currency="EUR", threshold=Decimal(10_000)),
    ApprovalRule("invoice", "finance_controller", currency="EUR", threshold=Decimal(50_000)),
    ApprovalRule("invoice", "finance_controller", entity="UK-01"),
    ApprovalRule("activation", "delivery_manager"),
)


@pytest.mark.parametrize(
    ("entity", "amount", "currency", "role"),
    [
        ("DE-01", "9999.99", "EUR", ""),
        ("DE-01", "10000", "EUR", "finance_ops"),
        ("DE-01", "49999.99", "EUR", "finance_ops"),
        ("DE-01", "50000", "EUR", "finance_controller"),
        ("DE-01", "-60000", "EUR", "finance_controller"),
        ("DE-01", "60000", "JPY", "finance_ops"),
        ("UK-01", "1", "EUR", "finance_controller"),
        ("DE-01", None, "", "finance_ops"),
    ],
)
def test_an_invoice_is_approved_by_entity_then_currency_then_amount(entity, amount, currency, role):
    size = None if amount is None else Decimal(amount)

    assert required_role(POLICIES, kind="invoice", entity=entity, amount=size, currency=currency) == role


def test_what_no_policy_names_goes_to_the_strictest_and_never_through():
    assert required_role(POLICIES, kind="bank_details", entity="DE-01") == WITHOUT_POLICY
    assert required_role((), kind="invoice") == WITHOUT_POLICY


@given(st.decimals(0, 10**9, places=2), st.decimals(0, 10**9, places=2))
def test_a_larger_amount_never_needs_less(first, second):
    order = ["", "finance_ops", "finance_controller"]
    small, large = sorted((first, second))

    roles = [
        required_role(POLICIES, kind="invoice", entity="DE-01", amount=amount, currency="EUR")
        for amount in (small, large)
    ]

    assert order.index(roles[0]) <= order.index(roles[1])


@pytest.mark.django_db
def test_the_default_policies_name_roles_that_exist_and_cover_what_sagas_ask():
    policies = policies_now()

    assert {rule.role for rule in policies} <= {"", *Role}
    assert {"billing_method", "activation", "invoice", "payload_edit", "override", "sor_change"} <= {
        rule.kind for rule in policies
    }
    assert required_role(policies, kind="billing_method", entity="DE-01") == "finance_ops"
    assert required_role(policies, kind="activation", entity="DE-01") == "delivery_manager"
