"""What blocks a project, each blocker by itself, on facts and on real rows."""

from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.contracts.models import LegalEntity
from apps.core.money import Money
from apps.exceptions.catalogue import KINDS
from apps.projects.activation import (
    ActivationFacts,
    CustomerFacts,
    EntityFacts,
    TemplateFacts,
    customer_blockers,
    entity_blockers,
    missing_for_activation,
    template_choice,
    terms_blockers,
)
from apps.projects.queries import activation_facts
from tests.contracts.story import active_project, company, deal, line, masters, requested, told

CUSTOMER = CustomerFacts("ACC-1", "501", "Werft GmbH", has_bill_to=True)
ENTITY = EntityFacts("DE-01", True, ("EUR",), "DE", "Europe/Berlin", "tryton")
FACTS = ActivationFacts(
    project_id="PRJ-1",
    legal_entity="DE-01",
    service_line="IMPLEMENTATION",
    delivery_model="",
    currency="EUR",
    contract_value=Decimal(1000),
    lines_total=Decimal(1000),
    lines=(line(),),
    customer=CUSTOMER,
    entity=ENTITY,
    templates=(
        TemplateFacts("IMPLEMENTATION-OFFSHORE", "IMPLEMENTATION", "offshore"),
        TemplateFacts("STANDARD", "IMPLEMENTATION"),
    ),
    has_tax_profile=True,
)
BAD_LINE = line("DE-01", "600", "300", amount=Decimal(1000))

CASES = {
    "legal_entity_missing": [replace(FACTS, legal_entity="", entity=None)],
    "legal_entity_invalid": [replace(FACTS, entity=None), replace(FACTS, entity=replace(ENTITY, is_active=False))],
    "currency_mismatch": [replace(FACTS, currency="CHF")],
    "hierarchy_cycle": [
        replace(FACTS, customer=replace(CUSTOMER, parents=(("7", True), ("8", True), ("7", True)))),
        replace(FACTS, customer=replace(CUSTOMER, parents=(("7", True), ("501", True)))),
    ],
    "hierarchy_unresolved": [replace(FACTS, customer=replace(CUSTOMER, parents=(("7", False),)))],
    "bill_to_missing": [replace(FACTS, customer=replace(CUSTOMER, has_bill_to=False)), replace(FACTS, customer=None)],
    "duplicate_customer": [replace(FACTS, customer=replace(CUSTOMER, alike=(("ACC-2", "Werft AG"),)))],
    "schedule_total_mismatch": [
        replace(FACTS, lines=(BAD_LINE,)),
        replace(FACTS, contract_value=Decimal(999)),
        replace(FACTS, lines=(line("DE-01", "1100", "-100"),)),
        replace(FACTS, lines=(line().model_copy(update={"milestones": ()}),)),
    ],
    "template_missing": [replace(FACTS, templates=()), replace(FACTS, templates=(), knows_service_line=False)],
    "tax_profile_unconfirmed": [replace(FACTS, has_tax_profile=False)],
}


def test_nothing_is_missing_when_everything_is_there():
    assert missing_for_activation(FACTS) == ()


@pytest.mark.parametrize(("kind", "facts"), [(kind, facts) for kind, many in CASES.items() for facts in many])
def test_each_gap_is_one_blocker_with_the_mend_in_words(kind, facts):
    blockers = missing_for_activation(facts)

    assert {blocker.kind for blocker in blockers} == {kind}
    assert all(blocker.message.endswith(".") and len(blocker.message) > 30 for blocker in blockers)


def test_every_blocker_is_a_kind_of_the_catalogue():
    assert set(CASES) <= set(KINDS)


def test_everything_that_is_wrong_is_told_at_once():
    worst = replace(FACTS, customer=None, legal_entity="", entity=None, has_tax_profile=False, templates=())

    assert {blocker.kind for blocker in missing_for_activation(worst)} == {
        "bill_to_missing",
        "legal_entity_missing",
        "tax_profile_unconfirmed",
        "template_missing",
    }


def test_the_money_that_waits_stands_with_the_blocker():
    assert entity_blockers(replace(FACTS, entity=None))[0].amount == Money(Decimal(1000), "EUR")
    assert terms_blockers(replace(FACTS, lines=(BAD_LINE,)))[0].amount == Money(Decimal(100), "EUR")


def test_an_entity_bills_in_further_currencies_its_erp_is_set_up_for():
    assert entity_blockers(replace(FACTS, currency="USD", entity=replace(ENTITY, bills_in=("EUR", "USD")))) == ()


@pytest.mark.parametrize(
    ("model", "chosen"), [("", "STANDARD"), ("offshore", "IMPLEMENTATION-OFFSHORE"), ("onsite", "STANDARD")]
)
def test_the_template_of_the_delivery_model_comes_before_the_one_for_any(model, chosen):
    assert template_choice(replace(FACTS, delivery_model=model)).code == chosen


def test_a_known_parent_is_no_blocker():
    assert customer_blockers(replace(FACTS, customer=replace(CUSTOMER, parents=(("7", True),)))) == ()


@pytest.mark.django_db
def test_a_sound_deal_on_real_rows_lacks_nothing():
    project = active_project()

    facts = activation_facts([project.pk])[project.pk]

    assert missing_for_activation(facts) == ()
    assert facts.entity.zone == "Europe/Berlin"


@pytest.mark.django_db
def test_a_broken_deal_on_real_rows_lacks_what_it_lacks():
    masters()
    LegalEntity.objects.filter(pk="UK-01").update(is_active=False)
    told(deal("8000", account=company("502", tax_id="DE000000501")))
    terms = deal(
        "9001",
        line("UK-01", "5", service="SAILING"),
        value=Decimal(7),
        account=company(parent_ref="700", bill_to=None),
        hierarchy=(company("700", name="Group", parent_ref="501", tax_id=""),),
    )
    project = requested(told(terms)).created[0]

    blockers = missing_for_activation(activation_facts([project.pk])[project.pk])

    assert [(blocker.kind, blocker.code) for blocker in blockers] == [
        ("hierarchy_cycle", ""),
        ("bill_to_missing", "no_address"),
        ("duplicate_customer", ""),
        ("legal_entity_invalid", "inactive"),
        ("tax_profile_unconfirmed", ""),
        ("schedule_total_mismatch", "lines_not_value"),
        ("template_missing", "service_line_unknown"),
    ]


@pytest.mark.django_db
def test_a_parent_with_the_tax_id_of_its_group_is_no_duplicate():
    group = company("700", name="Group", tax_id="DE000000501")
    project = requested(told(deal(account=company(parent_ref="700"), hierarchy=(group,)))).created[0]

    assert activation_facts([project.pk])[project.pk].customer.alike == ()


@pytest.mark.django_db
def test_facts_of_fifty_projects_cost_as_many_queries_as_of_one():
    applied = told(*(deal(str(number), account=company(str(number))) for number in range(1, 51)))
    projects = [project.pk for project in requested(applied).created]

    with CaptureQueriesContext(connection) as captured:
        facts = activation_facts(projects)

    assert len(facts) == 50
    assert len(captured) <= 8
