"""The queue: what is due first, for whom, worth how much, and how it is paged and filtered."""

import re
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from apps.access.models import User
from apps.core.money import Money
from apps.exceptions.actions import people
from tests import factories

pytestmark = pytest.mark.django_db
QUEUE = "/exceptions/"


@pytest.fixture
def anna(client: Client) -> User:
    user = factories.person("anna")
    client.force_login(user)
    return user


def _numbers(html: str) -> list[int]:
    return [int(found) for found in re.findall(r'href="/exceptions/EXC-(\d+)/" data-row-link', html)]


def test_a_visitor_is_asked_to_sign_in_and_comes_back(client: Client) -> None:
    answer = client.get(QUEUE + "?severity=high")

    assert answer.status_code == 302
    assert answer["Location"] == "/sign-in/?next=/exceptions/%3Fseverity%3Dhigh"


def test_a_fragment_asked_for_after_the_session_ended_sends_the_whole_page_to_sign_in(client: Client) -> None:
    answer = client.get(QUEUE, headers={"HX-Request": "true"})

    assert (answer.status_code, answer["HX-Redirect"]) == (401, "/sign-in/?next=/exceptions/")


def test_somebody_without_a_role_is_told_which_permission_is_missing(client: Client) -> None:
    client.force_login(factories.person("new", roles=()))

    answer = client.get(QUEUE)

    assert answer.status_code == 403
    assert "cases.view" in answer.content.decode()
    assert answer["X-Correlation-ID"] in answer.content.decode()


def test_what_is_due_first_stands_first_and_money_decides_among_equals(client: Client, anna: User) -> None:
    small, large, none, critical = factories.opened(
        factories.finding("period_closed", amount=Money(Decimal(10), "EUR")),
        factories.finding("period_closed", amount=Money(Decimal(900), "EUR")),
        factories.finding("period_closed", amount=None),
        factories.finding("unknown_outcome", amount=Money(Decimal(1), "EUR")),
    )

    html = client.get(QUEUE).content.decode()

    assert _numbers(html) == [critical.pk, large.pk, small.pk, none.pk]


def test_money_at_risk_is_never_added_up_across_currencies(client: Client, anna: User) -> None:
    factories.opened(
        factories.finding(amount=Money(Decimal("100.10"), "EUR")),
        factories.finding(amount=Money(Decimal("200.20"), "EUR")),
        factories.finding(amount=Money(Decimal("50"), "USD")),
    )

    head = client.get(QUEUE).content.decode().partition("at risk")[0]

    assert re.findall(r"(EUR|USD)</span> ([\d,.]+)", head) == [("EUR", "300.30"), ("USD", "50.00")]


def test_people_see_the_cases_of_their_legal_entities_only(client: Client) -> None:
    ours, theirs = factories.opened(factories.finding(entity="DE-01"), factories.finding(entity="UK-01"))
    client.force_login(factories.person("dora", entities=("DE-01",)))

    assert _numbers(client.get(QUEUE + "?view=all").content.decode()) == [ours.pk]
    assert client.get(f"/exceptions/EXC-{ours.pk}/").status_code == 200
    assert client.get(f"/exceptions/EXC-{theirs.pk}/").status_code == 404


def test_every_case_is_on_exactly_one_page_forwards_and_backwards(client: Client, anna: User) -> None:
    cases = factories.opened(
        *(
            factories.finding("period_closed", amount=Money(Decimal(n % 7), "EUR") if n % 3 else None)
            for n in range(120)
        )
    )
    forwards: list[int] = []
    url, last = QUEUE, ""
    while url:
        html, last = client.get(url).content.decode(), url
        forwards += _numbers(html)
        found = re.search(r'rel="next" href="([^"]+)"', html)
        url = QUEUE + found[1].replace("&amp;", "&") if found else ""
    backwards: list[int] = []
    url = last
    while url:
        html = client.get(url).content.decode()
        backwards = _numbers(html) + backwards
        found = re.search(r'rel="prev" href="([^"]+)"', html)
        url = QUEUE + found[1].replace("&amp;", "&") if found else ""

    assert sorted(forwards) == sorted(case.pk for case in cases)
    assert len(forwards) == len(set(forwards)) == 120
    assert backwards == forwards


def test_a_cursor_nobody_made_shows_the_first_page(client: Client, anna: User) -> None:
    (case,) = factories.opened()

    for cursor in ("rubbish", "W10", "WyJ4IiwieSIsInoiXQ", "%00"):
        answer = client.get(f"{QUEUE}?after={cursor}")
        assert (answer.status_code, _numbers(answer.content.decode())) == (200, [case.pk])


@pytest.mark.parametrize("sort", ["due", "money", "last_seen", "nonsense"])
def test_a_full_page_costs_at_most_twelve_queries(
    client: Client, anna: User, sort: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    factories.opened(*(factories.finding(entity=f"E-{n % 9}") for n in range(60)))

    with django_assert_max_num_queries(12):
        html = client.get(f"{QUEUE}?sort={sort}").content.decode()

    assert len(_numbers(html)) == 50


def test_filters_live_in_the_address_and_each_can_be_taken_away(client: Client, anna: User) -> None:
    (wanted, _other) = factories.opened(
        factories.finding("value_unmapped", entity="DE-01"), factories.finding(entity="US-01")
    )

    html = client.get(QUEUE + "?family=mapping&entity=DE-01").content.decode()

    assert _numbers(html) == [wanted.pk]
    assert 'href="?entity=DE-01"' in html
    assert 'href="?family=mapping"' in html


def test_a_filter_that_is_not_understood_is_said_so(client: Client, anna: User) -> None:
    answer = client.get(QUEUE + "?severity=extreme")

    assert answer.status_code == 422
    assert "This filter is not understood" in answer.content.decode()


def test_any_business_id_finds_its_case(client: Client, anna: User) -> None:
    first, second = factories.opened(factories.finding(subject_id="INV-ABC"), factories.finding(subject_id="INV-XYZ"))

    assert _numbers(client.get(QUEUE + "?view=all&q=inv-abc").content.decode()) == [first.pk]
    assert client.get("/search?q=INV-XYZ")["Location"] == "/exceptions/?q=INV-XYZ&view=all"
    assert client.get(f"/search?q=exc-{second.pk}")["Location"] == reverse("workbench:case", args=[second.pk])


def test_mine_is_what_i_look_after(client: Client, anna: User) -> None:
    mine, _other = factories.opened(factories.finding(), factories.finding())
    people.take_case(mine.pk, by=anna.actor)

    assert _numbers(client.get(QUEUE + "?view=mine").content.decode()) == [mine.pk]
