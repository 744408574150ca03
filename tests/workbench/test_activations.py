"""Activations: what waits for whom, what would be created, and the answer of a second person."""

from datetime import date

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.access.models import User
from apps.contracts.models import Contract
from apps.governance import approvals
from apps.governance.models import Approval
from apps.processes.demo import deals
from apps.projects.models import Project
from tests import factories
from tests.plugins.estate import Estate


@pytest.fixture
def waiting(company: Estate, client: Client) -> dict[str, Project]:
    """A contract of two legal entities whose projects wait for approval, by entity; Dora may decide activations."""
    first_due = date(2026, 12, 1)
    lines = [
        *deals.line("US-01", "IMPLEMENTATION", [("M1", "Design", "1000.00")], first_due=first_due),
        *deals.line("UK-01", "ADVISORY", [("M2", "Workshop", "2500.50")], first_due=first_due),
    ]
    ref = company.win(lines=lines)
    company.hear(ref)
    company.settle()
    client.force_login(factories.person("dora", roles=("delivery_manager",)))
    return {project.legal_entity: project for project in Project.objects.filter(contract__ref=ref)}


def _ask(project: Project, kind: str = "activation") -> Approval:
    return Approval.objects.get(subject_id=project.pk, kind=kind)


def _answer(client: Client, project: Project, answer: str, *asks: Approval, why: str = ""):  # type: ignore[no-untyped-def]
    seen = {f"seen-{ask.pk}": f"{ask.version}:{ask.payload_hash}" for ask in asks}
    given = {"answer": answer, "approval": [ask.pk for ask in asks], "why": why, **seen}
    return client.post(f"/activations/{project.pk}/answer/", given)


def test_a_delivery_manager_approves_one_entity_of_two_and_it_alone_is_set_up(
    company: Estate, client: Client, waiting: dict[str, Project], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    us, uk = waiting["US-01"], waiting["UK-01"]
    approvals.grant(_ask(us, "billing_method").pk, by=User.objects.get(username="finance").actor, why="ok")
    with django_assert_max_num_queries(12):
        queue = client.get("/activations/").content.decode()
    page = client.get(f"/activations/{us.pk}/").content.decode()

    answer = _answer(client, us, "grant", _ask(us), why="people are there")
    company.settle()

    assert us.pk in queue
    assert uk.pk in queue
    assert "will be created" in page
    assert "equals the contract lines" in page
    assert page.count("Activation for") == 2
    assert answer.status_code == 302
    assert (_ask(us).state, _ask(us).decided_by, _ask(uk).state) == ("granted", "person:dora", "requested")
    assert "Granted: Activation US-01." in client.get(f"/activations/{us.pk}/").content.decode()


def test_whoever_decides_what_somebody_else_has_decided_learns_of_it_and_loses_no_word(
    client: Client, waiting: dict[str, Project]
) -> None:
    us, uk = waiting["US-01"], waiting["UK-01"]
    seen = _ask(us)
    approvals.refuse(seen.pk, by=User.objects.get(username="delivery").actor, why="no people in December")

    answer = _answer(client, us, "grant", _ask(uk), seen, why="go ahead")

    html = answer.content.decode()
    assert answer.status_code == 409
    assert "This changed while you were deciding" in html
    assert "no people in December" in html
    assert "go ahead" in html
    assert _ask(uk).state == "requested"


def test_what_is_not_yours_to_decide_is_said_kindly(client: Client, waiting: dict[str, Project]) -> None:
    us = waiting["US-01"]

    answer = _answer(client, us, "grant", _ask(us, "billing_method"))

    assert answer.status_code == 403
    assert "Not your decision" in answer.content.decode()
    assert _ask(us, "billing_method").state == "requested"


def test_a_refusal_needs_a_reason_and_an_answer_something_to_decide(
    client: Client, waiting: dict[str, Project]
) -> None:
    us = waiting["US-01"]

    wordless = _answer(client, us, "refuse", _ask(us))
    empty = _answer(client, us, "grant")

    assert (wordless.status_code, empty.status_code) == (422, 422)
    assert "Say what has to change" in wordless.content.decode()
    assert "Tick at least one approval" in empty.content.decode()
    assert _ask(us).state == "requested"


def test_other_entities_are_not_shown_and_others_roles_see_no_queue(
    client: Client, waiting: dict[str, Project]
) -> None:
    client.force_login(factories.person("ulf", roles=("delivery_manager",), entities=("UK-01",)))
    uk = client.get(f"/activations/{waiting['UK-01'].pk}/").content.decode()
    us = client.get(f"/activations/{waiting['US-01'].pk}/")
    story = client.get(f"/trace/{waiting['UK-01'].correlation_id}/").content.decode()
    client.force_login(factories.person("sue", roles=("sales_ops",)))

    assert us.status_code == 404
    assert "1 more legal entity of this contract is outside of yours" in uk
    assert waiting["US-01"].pk not in uk
    assert waiting["UK-01"].pk in story
    assert waiting["US-01"].pk not in story
    assert client.get("/activations/").status_code == 403
    assert Contract.objects.count() == 1
