"""Activations, projects, traces, rules and connectors in both themes and all widths, and people at work on them."""

import re
from datetime import date

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer
from pytest_playwright.pytest_playwright import CreateContextCallback

from apps.core.errors import Misconfigured
from apps.events import trouble
from apps.governance import changes
from apps.governance.models import Approval, SystemOfRecordRule
from apps.processes.demo import deals
from apps.projects.models import Project
from tests import factories
from tests.browser.conftest import THEMES, assert_focus_visible, sign_in
from tests.browser.test_screens import _look
from tests.plugins.estate import Estate

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
_DUE = date(2026, 12, 1)


@pytest.fixture
def lived_in(company: Estate) -> Project:
    """A billed project, one of two entities that waits for approval, a paused system; returns the billed one."""
    project = company.activated(company.win())
    company.bill(project, "M1")
    lines = [
        *deals.line("US-01", "IMPLEMENTATION", [("M1", "Design", "1000.00")], first_due=_DUE),
        *deals.line("UK-01", "ADVISORY", [("M2", "Workshop", "2500.50")], first_due=_DUE),
    ]
    ref = company.win("thames", name="Two entities", lines=lines)
    company.hear(ref)
    company.settle()
    trouble.pause_system("tax", Misconfigured("The tax engine does not let us in.", code="credentials_expired"))
    pia = factories.person("pia", roles=("admin",)).actor
    rule = SystemOfRecordRule.objects.get(object="account", field="tax_id")
    kept = ("domain", "object", "field", "pattern", "direction", "conflict_policy", "priority", "steward", "approvers")
    values = {name: getattr(rule, name) for name in kept} | {"owner": "tax"}
    changes.propose(SystemOfRecordRule, values, by=pia, why="the tax engine checks them anyway")
    return project


def _waiting(entity: str) -> Project:
    return Project.objects.get(state="awaiting_approval", legal_entity=entity)


@pytest.mark.expect_status(404)
@pytest.mark.parametrize("theme", THEMES)
def test_every_page_of_the_estate_is_for_everybody(
    lived_in: Project, page: Page, context: BrowserContext, live_server: LiveServer, theme: str
) -> None:
    roles = ("integration_owner", "delivery_manager")
    sign_in(context, live_server, factories.person("iris", roles=roles, theme=theme))
    for name, path in {
        "activations": "/activations/",
        "activations-empty": "/activations/?view=returned",
        "activation": f"/activations/{_waiting('US-01').pk}/",
        "projects": "/projects/",
        "projects-no-match": "/projects/?q=nobody",
        "project": f"/projects/{lived_in.pk}/",
        "trace": f"/trace/{lived_in.correlation_id}/",
        "trace-not-found": "/trace/?q=PRJ-NOBODY",
        "rules": "/rules/sor/",
        "rule": "/rules/sor/account/name/",
        "rule-change": f"/rules/sor/changes/{SystemOfRecordRule.objects.get(state='draft').pk}/",
        "connectors": "/connectors/",
        "connector": "/connectors/tax/",
    }.items():
        page.goto(live_server.url + path)
        _look(page, name, theme)
    page.goto(live_server.url + f"/activations/{_waiting('US-01').pk}/")
    assert_focus_visible(page)


def test_a_delivery_manager_approves_one_entity_of_two_without_scripts(
    lived_in: Project, new_context: CreateContextCallback, live_server: LiveServer
) -> None:
    context = new_context(java_script_enabled=False)
    sign_in(context, live_server, factories.person("dora", roles=("delivery_manager",)))
    page = context.new_page()
    page.goto(live_server.url + "/activations/")
    page.get_by_role("link", name="Two entities (US-01)").click()

    page.get_by_role("checkbox", name=re.compile("UK-01")).uncheck()
    page.get_by_label("Reason").fill("people are there")
    page.get_by_role("button", name="Approve what is ticked").click()

    expect(page.get_by_text("Granted: Activation US-01.")).to_be_visible()
    states = dict(Approval.objects.filter(kind="activation", summary__startswith="Two").values_list("entity", "state"))
    assert states == {"US-01": "granted", "UK-01": "requested"}


def test_an_admin_proposes_another_owner_and_a_controller_puts_it_live(
    lived_in: Project, new_context: CreateContextCallback, live_server: LiveServer
) -> None:
    ada, carl = new_context(), new_context()
    sign_in(ada, live_server, factories.person("ada", roles=("admin",)))
    sign_in(carl, live_server, factories.person("carl", roles=("finance_controller",)))
    page = ada.new_page()
    page.goto(live_server.url + "/rules/sor/")
    page.get_by_role("link", name="account.name", exact=True).click()
    page.get_by_label("Owner").select_option("erp")
    page.get_by_label("Reason").fill("the ERP keeps the books")
    page.get_by_role("button", name="Propose").click()
    page.get_by_label("What you found").fill("one customer")
    page.get_by_role("button", name="Ask for approval").click()
    expect(page.get_by_text("You proposed it yourself; somebody else must approve it.")).to_be_visible()

    other = carl.new_page()
    other.goto(page.url)
    other.get_by_label("Why you agree").fill("agreed with sales")
    other.get_by_role("button", name="Approve and put live").click()

    expect(other.get_by_text("Approved and live: the next event is treated by it.")).to_be_visible()
    assert SystemOfRecordRule.objects.get(object="account", field="name", state="live").owner == "erp"
