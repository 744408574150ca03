"""The walk: a won opportunity becomes a posted invoice in NetSuite's ledger, and the CRM hears of it."""

from decimal import Decimal

from apps.billing.states import InvoiceState
from apps.exceptions.models import ExceptionCase
from apps.processes.models import ProcessRun
from apps.processes.states import RunState
from apps.projects.states import ProjectState
from tests.plugins.estate import Estate


def test_a_won_opportunity_becomes_one_posted_invoice(company: Estate) -> None:
    project = company.activated(company.win())

    invoice = company.bill(project, "M1")

    project.refresh_from_db()
    assert list(ExceptionCase.objects.values_list("kind", "cause")) == []
    assert project.state == ProjectState.ACTIVE
    assert invoice is not None
    assert (invoice.state, invoice.net) == (InvoiceState.POSTED, Decimal("1000.000000"))
    assert set(ProcessRun.objects.values_list("state", flat=True)) == {RunState.DONE}
    (entry,) = company.sandbox.ask(f"ledger?vendor=netsuite&kind=invoice&key={invoice.pk}")
    assert entry["creations"] == 1
