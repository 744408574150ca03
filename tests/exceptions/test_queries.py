"""The queue: whose cases, in which order, how many, and how much money."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser

from apps.core import clock
from apps.core.money import Money
from apps.exceptions.actions import people
from apps.exceptions.models import ExceptionCase
from apps.exceptions.queries import (
    Filters,
    Group,
    Remedy,
    counts,
    found_cases,
    group_members,
    groups,
    money_at_risk,
    place_of,
    queue,
    remedies,
    similar_cases,
)  # fmt: skip
from tests.factories import finding, opened, person

pytestmark = pytest.mark.django_db


def eur(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def test_a_person_sees_the_cases_of_their_entities_only():
    opened(finding(entity="DE-01"), finding(entity="US-01"), finding("payload_unreadable", entity=""))

    def seen(*entities):
        return {case.entity for case in queue(person(f"p{len(entities)}{entities}", entities=entities), Filters())}

    assert seen("DE-01") == {"DE-01"}
    assert seen("DE-01", "US-01") == {"DE-01", "US-01"}
    assert seen("*") == {"DE-01", "US-01", ""}
    assert seen() == set()


def test_somebody_not_signed_in_sees_nothing():
    opened(finding())

    assert list(found_cases(AnonymousUser(), Filters())) == []


def test_what_is_due_first_comes_first_and_of_that_what_costs_most(monkeypatch):
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    opened(
        finding("hierarchy_cycle", amount=eur("900")),
        finding(amount=eur("10")),
        finding(amount=eur("500")),
        finding(amount=None),
    )

    found = [(case.kind, case.amount) for case in queue(person(), Filters())]

    assert found == [
        ("invoice_rejected", Decimal(500)), ("invoice_rejected", Decimal(10)), ("invoice_rejected", None),
        ("hierarchy_cycle", Decimal(900)),
    ]  # fmt: skip


def test_pages_follow_each_other_without_gap_or_repetition():
    opened(*(finding(amount=eur(str(n % 3)) if n % 4 else None) for n in range(23)))
    anna, seen, after = person(), [], None

    while page := queue(anna, Filters(), after=after, most=5):
        seen += [case.pk for case in page]
        after = place_of(page[-1])

    assert len(seen) == 23
    assert set(seen) == set(ExceptionCase.objects.values_list("pk", flat=True))


def test_each_view_holds_what_its_name_says():
    anna = person("anna", roles=("finance_ops",))
    mine, regressed, asleep, _ = opened(finding(), finding(), finding(), finding("bill_to_missing"))
    people.take_case(mine.pk, by=anna.actor)
    people.snooze_case(asleep.pk, until=clock.now() + timedelta(days=1), by=anna.actor, why="tomorrow")
    people.dismiss_case(regressed.pk, by=anna.actor, why="no")
    again = ExceptionCase.objects.get(pk=regressed.pk)
    opened(finding(subject_id=again.subject_id, reference=again.reference))

    assert counts(anna) == {
        "open": 3, "mine": 1, "team": 2, "unassigned": 2, "overdue": 0, "regressed": 1, "snoozed": 1, "closed": 0, "all": 4,
    }  # fmt: skip


def test_any_id_or_word_finds_its_case():
    (case, _), anna = opened(finding(subject_id="INV-42", correlation_id="c" * 32), finding()), person()

    def hits(text):
        return [found.pk for found in queue(anna, Filters(text=text))]

    assert hits(case.number) == hits("inv-42") == hits(case.reference) == hits("c" * 32) == [case.pk]
    assert len(hits("tax code missing")) == 2
    assert hits("nothing like it\x00") == []


def test_filters_narrow_the_queue():
    opened(finding(amount=eur("100")), finding("period_closed", system="netsuite", entity="US-01", amount=eur("5")))
    anna = person()

    assert [case.kind for case in queue(anna, Filters(entity="US-01", system="netsuite", family="remote"))] == [
        "period_closed"
    ]
    assert [case.kind for case in queue(anna, Filters(at_least=Decimal(50), currency="EUR"))] == ["invoice_rejected"]
    assert queue(anna, Filters(view="no such view")) == []


def test_money_at_risk_is_summed_per_currency_and_never_across():
    opened(
        finding(amount=eur("10.50")),
        finding(amount=eur("4.50")),
        finding(amount=Money(Decimal(7), "USD")),
        finding(amount=None),
    )

    assert money_at_risk(found_cases(person(), Filters())) == [eur("15"), Money(Decimal(7), "USD")]


def test_cases_of_one_cause_form_a_group_with_its_money():
    cases = opened(finding(amount=eur("10")), finding(amount=eur("5")), finding("period_closed", amount=None))
    anna = person()
    people.resolve_case(cases[0].pk, by=anna.actor, why="done", resolution="replay")

    first, second = sorted(groups(found_cases(anna, Filters(view="all"))), key=lambda group: group.kind)

    assert isinstance(first, Group)
    assert (first.kind, first.cases, first.still_open, first.money) == ("invoice_rejected", 2, 1, (eur("5"),))
    assert (second.kind, second.cases, second.money) == ("period_closed", 1, ())
    assert [case.pk for case in group_members(anna, first.fingerprint)] == [cases[1].pk, cases[0].pk]


def test_similar_cases_share_the_cause_or_the_object():
    case, same_cause, same_object, _ = opened(
        finding(subject_id="INV-1"),
        finding(subject_id="INV-2"),
        finding("period_closed", subject_id="INV-1"),
        finding("rate_missing"),
    )

    assert [found.pk for found in similar_cases(person(), case)] == [same_cause.pk, same_object.pk]


def test_what_helped_before_is_counted_with_how_often_it_held():
    anna = person()
    for number, resolution in enumerate(["replay", "replay", "resubmit"]):
        (case,) = opened(finding(subject_id=f"INV-{number}"))
        people.resolve_case(case.pk, by=anna.actor, why="done", resolution=resolution)
    opened(finding(subject_id="INV-0"))
    people.resolve_case(
        ExceptionCase.objects.get(subject_id="INV-0").pk, by=anna.actor, why="again", resolution="replay"
    )

    assert remedies("invoice_rejected", system="tryton") == [
        Remedy("replay", times=2, held=1),
        Remedy("resubmit", times=1, held=1),
    ]
