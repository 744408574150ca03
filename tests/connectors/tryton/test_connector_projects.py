"""Customers, projects, tasks and milestones in a real Tryton: once each, found again, really undone."""

from decimal import Decimal

import pytest

from apps.canonical import commands
from apps.canonical.projects import BudgetLine
from apps.core.errors import Misconfigured, Rejected
from tests.connectors.tryton.conftest import Erp, Story

pytestmark = pytest.mark.tryton


def test_a_customer_sent_twice_is_one_party_with_one_address(erp: Erp, story: Story) -> None:
    first = erp.execute(story.customer(tax_id="DE136695976"))
    again = erp.execute(story.customer(tax_id="DE136695976"))

    assert first.ref == again.ref
    assert erp.books.count("party.party", ["code", "=", story.customer_id]) == 1
    assert erp.books.count("party.address", ["party", "=", int(first.ref)]) == 1
    assert erp.books.count("party.identifier", ["party", "=", int(first.ref)], ["type", "=", "eu_vat"]) == 1
    assert erp.lookup(story.customer(tax_id="DE136695976")) == again


def test_a_changed_customer_is_changed_and_not_doubled(erp: Erp, story: Story) -> None:
    ref = erp.execute(story.customer()).ref

    assert erp.lookup(story.customer(name="Globex SE", payment_terms_days=60)) is None
    erp.execute(story.customer(name="Globex SE", payment_terms_days=60))

    party = erp.books.read("party.party", ref, "name", "customer_payment_term.name")
    assert (party["name"], party["customer_payment_term."]["name"]) == ("Globex SE", "60 Tage netto")
    assert erp.books.count("party.party", ["code", "=", story.customer_id]) == 1


def test_a_payment_term_tryton_has_not_is_refused_before_anything_is_written(erp: Erp, story: Story) -> None:
    with pytest.raises(Rejected) as refused:
        erp.execute(story.customer(payment_terms_days=37))

    assert (refused.value.code, refused.value.field) == ("value_unmapped", "account.payment_terms_days")
    assert erp.books.count("party.party", ["code", "=", story.customer_id]) == 0


def test_a_project_sent_twice_is_one_project(erp: Erp, begun: Story) -> None:
    again = erp.execute(begun.project())

    assert again.ref == begun.project_ref
    assert again.payload["number"]
    assert erp.books.count("project.work", ["comment", "like", f"[{begun.project_id}]%"]) == 1
    assert erp.lookup(begun.project()) == again


def test_what_is_not_there_is_not_found(erp: Erp, story: Story) -> None:
    story.customer_ref = "1"

    assert erp.lookup(story.customer()) is None
    assert erp.lookup(story.project()) is None


def test_an_unknown_service_line_is_a_value_to_map(erp: Erp, begun: Story) -> None:
    with pytest.raises(Rejected) as refused:
        erp.execute(begun.project(id="PRJ-NEW", service_line="ALCHEMY"))

    assert (refused.value.code, refused.value.field) == ("value_unmapped", "project.service_line")


def test_tasks_sent_twice_are_there_once_and_follow_changes(erp: Erp, begun: Story) -> None:
    first = erp.execute(begun.tasks(8, 16))
    again = erp.execute(begun.tasks(8, 24, 4))

    assert again.payload["tasks"]["T1"] == first.payload["tasks"]["T1"]
    below = ["parent", "=", int(begun.project_ref)], ["product", "=", None]
    assert erp.books.count("project.work", *below) == 3
    changed = erp.books.read("project.work", again.payload["tasks"]["T2"], "effort_duration")
    assert changed["effort_duration"].total_seconds() == 24 * 3600
    assert erp.lookup(begun.tasks(8, 24, 4)) == again
    assert erp.lookup(begun.tasks(8, 16)) is None


def test_a_budget_is_noted_and_never_billed(erp: Erp, begun: Story) -> None:
    ref = erp.execute(begun.tasks(8)).payload["tasks"]["T1"]
    lines = (BudgetLine(task_code="T1", amount=Decimal("1440.00")),)
    command = commands.SetBudget(
        project_id=begun.project_id, project_ref=begun.project_ref, legal_entity="DE-01", currency="EUR", lines=lines
    )

    assert erp.lookup(command) is None
    erp.execute(command)
    erp.execute(begun.tasks(8))

    task = erp.books.read("project.work", ref, "comment", "list_price")
    assert task["comment"] == "[TASK T1]\nBudget 1440.00 EUR"
    assert task["list_price"] is None
    assert erp.lookup(command) is not None
    assert erp.connector.capabilities.budget is False


def test_a_schedule_sent_twice_is_there_once(erp: Erp, begun: Story) -> None:
    again = erp.execute(begun.schedule())

    assert again.payload["milestones"] == begun.milestones
    assert erp.books.count("project.work", ["parent", "=", int(begun.project_ref)]) == 2
    assert erp.lookup(begun.schedule()) == again


def test_a_cancelled_schedule_cannot_be_billed_and_comes_back_when_created_again(erp: Erp, begun: Story) -> None:
    cancel = commands.CancelBillingSchedule(
        project_id=begun.project_id, project_ref=begun.project_ref, legal_entity="DE-01", milestones=begun.milestones
    )
    assert erp.lookup(cancel) is None

    erp.execute(cancel)
    erp.execute(cancel)

    assert erp.lookup(cancel) is not None
    with pytest.raises(Rejected, match="cancelled"):
        erp.execute(begun.invoice())
    assert erp.books.count("account.invoice", ["party", "=", int(begun.customer_ref)]) == 0
    erp.execute(begun.schedule())
    assert erp.execute(begun.invoice()).payload["total"] == "11900.00"


def test_a_billed_schedule_is_not_cancelled(erp: Erp, begun: Story) -> None:
    erp.execute(begun.invoice("2500.00"))
    cancel = commands.CancelBillingSchedule(
        project_id=begun.project_id, project_ref=begun.project_ref, legal_entity="DE-01", milestones=begun.milestones
    )

    with pytest.raises(Rejected) as refused:
        erp.execute(cancel)

    assert begun.milestone_ids[0] in str(refused.value)
    second = erp.books.read("project.work", begun.milestones[begun.milestone_ids[1]], "list_price")
    assert second["list_price"] == Decimal("5000.00")


def test_a_cancelled_project_is_cancelled_with_its_tasks_and_opens_again(erp: Erp, begun: Story) -> None:
    cancel = commands.CancelProject(project_id=begun.project_id, project_ref=begun.project_ref, legal_entity="DE-01")
    cancelled = erp.books.ids["project_status"]["cancelled"]

    erp.execute(cancel)
    erp.execute(cancel)

    assert erp.lookup(cancel) is not None
    assert erp.lookup(begun.project()) is None
    assert erp.books.count("project.work", ["parent", "=", int(begun.project_ref)], ["status", "=", cancelled]) == 2
    assert erp.execute(begun.project()).ref == begun.project_ref
    assert erp.lookup(cancel) is None


def test_a_command_for_another_legal_entity_is_a_routing_mistake(erp: Erp, story: Story) -> None:
    call = erp.call(story.customer())

    with pytest.raises(Misconfigured, match="keeps the books of DE-01, not of US-01"):
        erp.run(erp.connector.execute(type(call)(call.command, call.idempotency_key, legal_entity="US-01")))


def test_a_command_tryton_has_nothing_for_is_refused(erp: Erp, begun: Story) -> None:
    command = commands.SetRevenueSchedule(
        project_id=begun.project_id, project_ref=begun.project_ref, legal_entity="DE-01", currency="EUR", lines=()
    )

    with pytest.raises(Rejected, match="cannot carry out SetRevenueSchedule"):
        erp.execute(command)
    assert erp.connector.capabilities.revenue == "read"
