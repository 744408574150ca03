"""The system of record: read, proposed, approved by another, and from then on followed by the door."""

from django.test import Client
from pytest_django import DjangoAssertNumQueries

from apps.contracts.models import Account
from apps.exceptions.models import ExceptionCase
from apps.governance.models import SystemOfRecordRule
from tests import factories
from tests.plugins.estate import Estate

FIELD = "/rules/sor/account/name/"


def _propose(client: Client, **fields: str):  # type: ignore[no-untyped-def]
    return client.post(FIELD, {"owner": "erp", "conflict_policy": "reject", "why": "the ERP keeps the books", **fields})


def _move(client: Client, step: str, *, why: str = "looked at it", version: int | None = None):  # type: ignore[no-untyped-def]
    rule = SystemOfRecordRule.objects.get(object="account", field="name", revision=2)
    seen = version if version is not None else rule.version
    return client.post(f"/rules/sor/changes/{rule.pk}/{step}/", {"why": why, "expected_version": seen})


def _state(revision: int) -> str:
    return SystemOfRecordRule.objects.get(object="account", field="name", revision=revision).state


def test_the_next_event_is_treated_by_the_owner_an_admin_proposed_and_another_approved(
    company: Estate, client: Client
) -> None:
    ref = company.win()
    company.hear(ref)
    company.settle()
    account = Account.objects.get()
    client.force_login(factories.person("ada", roles=("admin",)))
    _propose(client)
    _move(client, "submit")
    still_ours = _state(1)
    client.force_login(factories.person("carl", roles=("finance_controller",)))

    answer = _move(client, "approve")
    deal = company.sandbox.ask("ledger?vendor=hubspot&kind=companies&limit=5")
    company.outside.change("companies", account.ref, name="Nimbus renamed in the CRM")
    company.hear_again(ref)

    assert any(str(row["id"]) == account.ref for row in deal)
    assert (still_ours, answer.status_code, _state(1), _state(2)) == ("live", 302, "retired", "live")
    assert Account.objects.get().name == account.name
    case = ExceptionCase.objects.get(kind="not_system_of_record")
    assert "belongs to erp" in case.cause


def test_whoever_proposed_a_rule_cannot_approve_it(db: None, client: Client) -> None:
    client.force_login(factories.person("ida", roles=("integration_owner", "finance_controller")))
    _propose(client)
    _move(client, "submit")

    answer = _move(client, "approve")

    assert answer.status_code == 403
    assert "somebody else must approve it" in answer.content.decode()
    assert (_state(1), _state(2)) == ("live", "tested")


def test_a_change_that_moved_meanwhile_is_not_moved_again(db: None, client: Client) -> None:
    client.force_login(factories.person("ada", roles=("admin",)))
    _propose(client)
    _move(client, "submit", version=1)

    answer = _move(client, "withdraw", version=1, why="a mistake")

    assert answer.status_code == 409
    assert "a mistake" in answer.content.decode()
    assert _state(2) == "tested"


def test_a_change_shows_old_and_new_and_what_it_touches(db: None, client: Client) -> None:
    client.force_login(factories.person("ada", roles=("admin",)))
    _propose(client)
    rule = SystemOfRecordRule.objects.get(object="account", field="name", revision=2)

    html = client.get(f"/rules/sor/changes/{rule.pk}/").content.decode()

    assert 'data-label="Before">CRM' in html
    assert 'data-label="After">ERP' in html
    assert "Open objects" in html
    assert "Ask for approval" in html


def test_an_earlier_revision_is_put_back_by_proposing_it_again(db: None, client: Client) -> None:
    first = SystemOfRecordRule.objects.get(object="account", field="name", revision=1)
    ada, carl = factories.person("ada", roles=("admin",)), factories.person("carl", roles=("finance_controller",))
    client.force_login(ada)
    _propose(client)
    _move(client, "submit")
    client.force_login(carl)
    _move(client, "approve")
    client.force_login(ada)

    client.post(f"/rules/sor/changes/{first.pk}/roll-back/", {"why": "it did not hold"})

    third = SystemOfRecordRule.objects.get(object="account", field="name", revision=3)
    assert (third.owner, third.state, _state(2)) == ("crm", "draft", "live")


def test_a_proposal_needs_a_reason_and_a_difference_and_the_right(db: None, client: Client) -> None:
    client.force_login(factories.person("ada", roles=("admin",)))
    wordless = _propose(client, why="")
    same = _propose(client, owner="crm", conflict_policy="overwrite", others_may_fill="on")
    client.force_login(factories.person("dora", roles=("delivery_manager",)))
    forbidden = _propose(client)

    assert (wordless.status_code, same.status_code, forbidden.status_code) == (422, 422, 403)
    assert "This is what counts already" in same.content.decode()
    assert SystemOfRecordRule.objects.filter(object="account", field="name").count() == 1


def test_the_matrix_names_one_owner_per_field_in_few_queries(
    db: None, client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client.force_login(factories.person("rita", roles=("auditor",)))

    with django_assert_max_num_queries(12):
        html = client.get("/rules/sor/").content.decode()

    live = SystemOfRecordRule.objects.filter(state="live").count()
    assert html.count(">Owns<") + html.count("</svg>Owns") >= live - 5
    assert "account.payment_terms_days" in html
    client.force_login(factories.person("eve", roles=("executive",)))
    assert client.get("/rules/sor/").status_code == 403
