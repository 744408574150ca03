"""The walk through a real Tryton: its own books show the posted invoice, and what undoing leaves of it."""

import json
from collections.abc import Callable

import pytest
from django.conf import settings

from apps.access.models import User
from apps.billing.states import InvoiceState
from apps.exceptions.models import ExceptionCase
from apps.governance.crosswalk import external_ids
from apps.processes.decisions import registry as decisions
from apps.projects.states import ProjectState
from tests.plugins.estate import Estate
from tests.plugins.tryton import TrytonBooks

pytestmark = pytest.mark.tryton


@pytest.fixture
def german_company(estate_of: Callable[..., Estate], tryton_server: TrytonBooks) -> Estate:
    """The estate with DE-01 on a real Tryton."""
    secret = settings.SECRETS_FOLDER / "tryton.json"
    secret.write_text(json.dumps(tryton_server.secret))
    return estate_of(tryton_url=tryton_server.base_url)


def test_a_won_opportunity_becomes_one_posted_invoice_in_tryton(
    german_company: Estate, tryton_server: TrytonBooks
) -> None:
    company = german_company
    project = company.activated(company.win("helios", entity="DE-01", currency="EUR"))

    invoice = company.bill(project, "M1")

    assert invoice is not None
    assert list(ExceptionCase.objects.values_list("kind", "cause")) == []
    assert invoice.state == InvoiceState.POSTED
    books = tryton_server.find(
        "account.invoice", ["reference", "=", invoice.pk], fields=("state", "number", "total_amount", "tax_amount")
    )
    assert [(row["state"], row["number"], row["total_amount"]) for row in books] == [
        ("posted", invoice.number, invoice.total)
    ]
    assert books[0]["tax_amount"] == invoice.tax == invoice.net * 19 / 100


def test_undoing_an_activation_cancels_the_project_in_tryton(
    german_company: Estate, tryton_server: TrytonBooks
) -> None:
    company = german_company
    # The sandbox counts from the start again and Tryton does not: another deal first, so that ours has an id of its own.
    company.win("thames", entity="UK-01", currency="GBP", name="Somebody else's")
    company.sandbox.tell("faults", vendor="events/documents", fault={"status": 422, "body": {"title": "no room"}})
    project = company.activated(company.win("helios", entity="DE-01", currency="EUR", name="Second rollout"))
    case = ExceptionCase.objects.get(step="initiation")

    decisions.apply("compensate", case_id=case.pk, by=User.objects.get(username="delivery"), why="withdrawn")
    company.settle()

    project.refresh_from_db()
    ref = external_ids([project.pk], system="tryton")[project.pk, "project"].external_id
    status = tryton_server.read("project.work", ref, "status.rec_name")["status."]["rec_name"]
    assert project.state in (ProjectState.CLOSED, ProjectState.CANCELLED)
    assert status in ("Done", "Canceled", "Cancelled", "Closed")
