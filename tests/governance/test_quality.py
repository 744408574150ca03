"""Data quality: what keeps a contract from becoming a project, said with field and remedy."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.canonical.contracts import Contract, ContractLine, MilestoneTerm
from apps.canonical.parties import Account, BillingContact
from apps.exceptions.catalogue import KINDS
from apps.governance import quality
from apps.governance.duplicates import Customer, plain_name
from apps.governance.gates import Rule, defects, quality_rules_now
from apps.governance.models import QualityRule
from apps.governance.quality import CHECKS, Entity, Facts

ENTITIES = {
    "DE-01": Entity("DE-01", "DE", "EUR"),
    "US-01": Entity("US-01", "US", "USD"),
    "FR-09": Entity("FR-09", "FR", "EUR", is_active=False),
}
BILL_TO = BillingContact(name="Aurora SE", email="invoices@aurora.example", country="DE")


def account(ref="C-1", **changes) -> Account:
    given_ = {
        "ref": ref,
        "name": "Aurora SE",
        "country": "DE",
        "tax_id": "DE136695976",
        "bill_to": BILL_TO,
        "domain": "aurora.example",
    }
    return Account(**(given_ | changes))


def line(ref="1", entity="DE-01", amount="100.00", milestones=("60.00", "40.00")) -> ContractLine:
    terms = tuple(
        MilestoneTerm(code=f"M{n}", name=f"Part {n}", amount=Decimal(part)) for n, part in enumerate(milestones, 1)
    )
    return ContractLine(
        ref=ref,
        legal_entity=entity,
        service_line="ADVISORY",
        billing_method="fixed_fee_milestone",
        amount=Decimal(amount),
        milestones=terms,
    )


def facts(*lines, customers=(), **changes) -> Facts:
    lines = lines or (line(),)
    given_ = {
        "ref": "D-1", "name": "Rollout", "account": account(), "currency": "EUR", "won": True, "lines": lines,
        "value": sum((one.amount for one in lines), Decimal(0)),
    }  # fmt: skip
    return Facts(Contract(**(given_ | changes)), ENTITIES, customers)


def found(check: str, given_: Facts, **settings) -> list[tuple[str, str, str]]:
    return [(defect.kind, defect.code, defect.field) for defect in CHECKS[check](given_, settings)]


def test_a_sound_contract_passes_every_check():
    assert {check: found(check, facts()) for check in CHECKS} == {check: [] for check in CHECKS}


@pytest.mark.parametrize(
    ("entity", "kind", "code"),
    [
        ("", "legal_entity_missing", "missing"),
        ("DE01", "legal_entity_invalid", "unknown"),
        ("FR-09", "legal_entity_invalid", "inactive"),
    ],
)
def test_each_line_needs_a_legal_entity_that_exists_and_is_active(entity, kind, code):
    assert found("legal_entity", facts(line("1"), line("2", entity=entity))) == [(kind, code, "lines[2].legal_entity")]


def test_an_unknown_legal_entity_is_told_with_those_that_are_known():
    (defect,) = quality.legal_entity(facts(line(entity="DE01")), {})

    assert defect.message == "Line 1 names legal entity 'DE01', which does not exist. Known are: DE-01, FR-09, US-01."


def test_an_entity_that_invoices_in_its_own_currency_only_is_found_when_the_rule_says_so():
    given_ = facts(line(entity="US-01"))

    assert found("currency", given_) == []
    assert found("currency", given_, foreign=False) == [("currency_mismatch", "foreign", "lines[1].legal_entity")]


def test_a_hierarchy_ends_at_one_ultimate_parent():
    top = account("C-3", name="Holding")

    given_ = facts(account=account(parent_ref="C-2"), hierarchy=(account("C-2", parent_ref="C-3"), top))

    assert found("hierarchy", given_) == []


def test_a_circle_in_the_hierarchy_is_told_step_by_step():
    given_ = facts(
        account=account(parent_ref="C-2"),
        hierarchy=(account("C-2", parent_ref="C-3"), account("C-3", parent_ref="C-2")),
    )

    (defect,) = quality.hierarchy(given_, {})

    assert (defect.kind, defect.message) == (
        "hierarchy_cycle",
        "The customer's hierarchy runs in a circle: C-2 → C-3 → C-2.",
    )


def test_a_parent_the_crm_did_not_hand_over_and_too_many_parents_are_found():
    deep = tuple(account(f"C-{n}", parent_ref=f"C-{n + 1}") for n in range(2, 9))

    assert found("hierarchy", facts(account=account(parent_ref="C-9"))) == [
        ("hierarchy_unresolved", "unknown_parent", "account.parent_ref")
    ]
    assert found("hierarchy", facts(account=account(parent_ref="C-2"), hierarchy=deep), max_depth=3) == [
        ("hierarchy_unresolved", "too_deep", "account.parent_ref")
    ]
    assert found("hierarchy", facts(account=None)) == [("hierarchy_unresolved", "no_account", "account")]


@given(st.lists(st.integers(0, 6), min_size=7, max_size=7))
def test_walking_any_hierarchy_comes_to_an_end(parents):
    accounts = tuple(account(f"C-{n}", parent_ref=f"C-{parent}") for n, parent in enumerate(parents))

    assert len(found("hierarchy", facts(account=accounts[0], hierarchy=accounts))) == 1


@pytest.mark.parametrize(
    ("contact", "code"),
    [
        (None, "missing"),
        (BillingContact(name="Aurora", country="DE"), "incomplete"),
        (BillingContact(name="A", country="DE", street="Ring 1"), "incomplete"),
    ],
)
def test_an_invoice_needs_somewhere_to_go(contact, code):
    assert found("bill_to", facts(account=account(bill_to=contact))) == [("bill_to_missing", code, "account.bill_to")]


def test_a_postal_address_without_an_e_mail_is_enough():
    contact = BillingContact(name="Aurora", country="DE", street="Ring 1", city="Bonn")

    assert found("bill_to", facts(account=account(bill_to=contact))) == []


def test_a_malformed_tax_id_is_found_and_a_missing_one_where_the_rule_demands_it():
    missing = facts(account=account(tax_id=""))

    assert found("tax_id", facts(account=account(tax_id="DE136695975"))) == [
        ("tax_profile_unconfirmed", "tax_id_malformed", "account.tax_id")
    ]
    assert found("tax_id", missing) == []
    assert found("tax_id", missing, required_in=["DE"]) == [
        ("tax_profile_unconfirmed", "tax_id_missing", "account.tax_id")
    ]


def test_lines_and_milestones_add_up_to_the_cent():
    short = facts(line(milestones=("60.00", "39.99")))

    assert found("schedule_total", facts(value=Decimal("100.01"))) == [("schedule_total_mismatch", "lines", "value")]
    assert found("schedule_total", short) == [("schedule_total_mismatch", "milestones", "lines[1].milestones")]
    assert found("schedule_total", short, tolerance="0.01") == []
    assert found("schedule_total", facts(line(milestones=()))) == []


@pytest.mark.parametrize(
    ("other", "code"),
    [
        (Customer("ACC-9", "Something else", "DE", tax_id="de 136695976"), "tax_id"),
        (Customer("ACC-9", "Aurora Consulting", "DE", domain="AURORA.example"), "domain"),
        (Customer("ACC-9", "AURORA, S.E.", "DE"), "name"),
        (Customer("ACC-9", "Auroora GmbH", ""), "name"),
    ],
)
def test_a_customer_that_exists_already_under_another_record_is_found(other, code):
    assert found("duplicate_customer", facts(customers=[other]), likeness=0.9) == [
        ("duplicate_customer", code, "account")
    ]


@pytest.mark.parametrize(
    "other",
    [
        Customer("ACC-1", "Aurora SE", "DE", tax_id="DE136695976", ref="C-1"),
        Customer("ACC-9", "Aurora SE", "US"),
        Customer("ACC-9", "Nimbus GmbH", "DE", domain="nimbus.example"),
    ],
)
def test_the_customer_itself_a_namesake_abroad_and_a_stranger_are_no_duplicates(other):
    assert found("duplicate_customer", facts(customers=[other])) == []


def test_a_company_is_compared_without_its_legal_form():
    assert plain_name("AURORA, GmbH & Co. KG") == plain_name("Aurora Ltd.") == "aurora"


@pytest.mark.django_db
def test_the_default_rules_name_checks_that_exist_and_only_warn_of_duplicates():
    rules = quality_rules_now()

    assert {rule.code for rule in rules} <= set(CHECKS)
    assert {rule.gate for rule in rules} == {"contract", "project", "invoice"}
    assert [rule.code for rule in rules if not rule.stops] == ["duplicate_customer"]


@pytest.mark.django_db
def test_every_defect_is_of_a_kind_of_the_catalogue_and_carries_the_strictness_of_its_rule():
    broken = facts(
        line("1", entity=""), line("2", entity="DE01", milestones=("1",)), value=Decimal(7),
        account=account(tax_id="DE1", bill_to=None, parent_ref="C-9"), customers=[Customer("ACC-9", "Aurora SE", "DE")],
    )  # fmt: skip

    told = defects(quality_rules_now(), broken, gate="contract")

    assert {defect.kind for defect in told} == {
        "legal_entity_missing", "legal_entity_invalid", "tax_profile_unconfirmed", "hierarchy_unresolved", "bill_to_missing",
        "schedule_total_mismatch", "duplicate_customer",
    }  # fmt: skip
    assert {defect.kind for defect in told} <= set(KINDS)
    assert [defect.kind for defect in told if not defect.stops] == ["duplicate_customer"]


@pytest.mark.django_db
def test_a_rule_that_is_switched_off_is_not_asked():
    QualityRule.objects.filter(code="bill_to").update(is_on=False, version=2)

    assert defects(quality_rules_now(), facts(account=account(bill_to=None)), gate="contract") == []
    assert defects((Rule("bill_to", "contract"),), facts(account=account(bill_to=None)), gate="invoice") == []
