"""Which customers look like one."""

import pytest

from apps.contracts.likeness import name_key, tax_key
from apps.contracts.queries import lookalikes, parent_chains
from tests.contracts.story import company, deal, told


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme GmbH", "ACME"),
        ("Müller & Söhne KG", "Muller Sohne"),
        ("Weiß AG", "WEISS"),
        ("Rail B.V.", "Rail BV"),
        ("Big-Data, Inc.", "Big Data"),
    ],
)
def test_spelling_does_not_make_another_customer(one, other):
    assert name_key(one) == name_key(other)


def test_a_name_that_is_a_legal_form_still_tells_something():
    assert name_key("AG") == "ag"
    assert name_key("Acme") != name_key("Acne")


def test_a_tax_id_is_compared_without_what_spelling_adds():
    assert tax_key("de 123.456-789") == "DE123456789"


@pytest.mark.django_db
def test_the_same_tax_id_or_the_same_name_in_one_country_look_alike():
    asked, by_tax, by_name, elsewhere = (
        one.account
        for one in told(
            deal("1", account=company("1", name="Werft GmbH", tax_id="DE 1")),
            deal("2", account=company("2", name="Other", tax_id="de1")),
            deal("3", account=company("3", name="WERFT", tax_id="")),
            deal("4", account=company("4", name="Werft", tax_id="", country="AT")),
        )
    )

    found = lookalikes([asked, elsewhere])

    assert {one.pk for one in found[asked.pk]} == {by_tax.pk, by_name.pk}
    assert found[elsewhere.pk] == []


@pytest.mark.django_db
def test_a_circle_of_parents_ends_and_shows():
    account = told(
        deal("1", account=company("1", parent_ref="2"), hierarchy=(company("2", parent_ref="1"),)),
    )[0].account

    chain = parent_chains([account.pk])[account.pk]

    assert chain[:2] == [("2", True), ("1", True)]
    assert len(chain) <= 32


@pytest.mark.django_db
def test_a_parent_nobody_told_us_of_is_marked_unknown():
    account = told(deal("1", account=company("1", parent_ref="77")))[0].account

    assert parent_chains([account.pk]) == {account.pk: [("77", False)]}
