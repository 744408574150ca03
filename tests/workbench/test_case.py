"""One case: what it shows, and what a person does with it."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.access.models import User
from apps.audit.models import AuditLine
from apps.exceptions.actions import people
from apps.exceptions.models import CaseNote, ExceptionCase
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def anna(client: Client) -> User:
    user = factories.person("anna")
    client.force_login(user)
    return user


@pytest.fixture
def case(db: None) -> ExceptionCase:
    return factories.opened()[0]


def _decide(client: Client, case: ExceptionCase, decision: str, **fields: object):
    given = {"expected_version": case.version, **fields}
    return client.post(f"/exceptions/EXC-{case.pk}/decide/{decision}/", given)


def test_the_case_says_why_and_what_was_sent_and_what_helps(
    client: Client, anna: User, case: ExceptionCase, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(12):
        html = client.get(f"/exceptions/EXC-{case.pk}/").content.decode()

    assert "tax code missing for legal entity DE-01" in html
    assert "Field tax_code is required for company 1." in html
    assert "bill_to.entity" in html
    assert "How to check" in html
    assert case.correlation_id in html
    assert "283,534.00" in html


def test_the_payload_is_for_those_who_may_see_payloads(client: Client, case: ExceptionCase) -> None:
    client.force_login(factories.person("dirk", roles=("delivery_manager",)))

    html = client.get(f"/exceptions/EXC-{case.pk}/").content.decode()

    assert "bill_to.entity" not in html
    assert "payload.view" in html


def test_what_a_vendor_says_is_text_and_never_markup(client: Client, anna: User) -> None:
    (case,) = factories.opened(
        factories.finding(
            message="<script>alert(1)</script>", evidence={"answer": {"detail": "<img src=x onerror=alert(1)>"}}
        )
    )

    html = client.get(f"/exceptions/EXC-{case.pk}/").content.decode()

    assert "<script>alert" not in html
    assert "<img" not in html


def test_taking_a_case_puts_ones_name_on_it(client: Client, anna: User, case: ExceptionCase) -> None:
    answer = _decide(client, case, "take")

    case = ExceptionCase.objects.get(pk=case.pk)
    assert (answer.status_code, case.assigned_to, case.state) == (302, "person:anna", "assigned")
    assert AuditLine.objects.filter(subject_type="exceptioncase", subject_id=str(case.pk), by="person:anna").exists()


def test_whoever_was_faster_is_named_and_no_typed_word_is_lost(client: Client, anna: User, case: ExceptionCase) -> None:
    tom = factories.person("tom")
    people.take_case(case.pk, by=tom.actor)

    answer = _decide(client, case, "dismiss", why="it was a test customer")

    html = answer.content.decode()
    assert answer.status_code == 409
    assert "tom" in html
    assert "it was a test customer" in html
    assert ExceptionCase.objects.get(pk=case.pk).state == "assigned"


def test_a_decision_without_its_reason_is_refused_and_says_so(client: Client, anna: User, case: ExceptionCase) -> None:
    answer = _decide(client, case, "dismiss", why=" ")

    assert answer.status_code == 422
    assert "Say why" in answer.content.decode()
    assert ExceptionCase.objects.get(pk=case.pk).state == "open"


def test_a_decision_that_is_not_offered_is_not_there(client: Client, anna: User, case: ExceptionCase) -> None:
    assert _decide(client, case, "set_fire").status_code == 404


def test_an_auditor_reads_and_decides_nothing(client: Client, case: ExceptionCase) -> None:
    client.force_login(factories.person("rita", roles=("auditor",)))

    html = client.get(f"/exceptions/EXC-{case.pk}/").content.decode()

    assert "Your role may read this case" in html or "disabled" in html
    assert _decide(client, case, "take").status_code == 404
    assert client.post(f"/exceptions/EXC-{case.pk}/notes/", {"text": "hello"}).status_code == 403


def test_a_note_is_kept_with_its_author(client: Client, anna: User, case: ExceptionCase) -> None:
    client.post(f"/exceptions/EXC-{case.pk}/notes/", {"text": "asked the tax team"})

    assert list(CaseNote.objects.values_list("by", "text")) == [("person:anna", "asked the tax team")]


def test_looking_changes_nothing(client: Client, anna: User, case: ExceptionCase) -> None:
    assert client.get(f"/exceptions/EXC-{case.pk}/decide/take/").status_code == 405
    assert ExceptionCase.objects.get(pk=case.pk).version == case.version
