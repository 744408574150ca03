"""Every page, in both themes and widths: accessible, quiet, without sideways scroll, usable by keyboard."""

import os
from pathlib import Path

import pytest
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from apps.core.money import Money
from apps.exceptions.actions import people
from tests import factories
from tests.browser.conftest import THEMES, assert_axe, assert_focus_visible, assert_no_sideways_scroll, sign_in

pytestmark = [pytest.mark.django_db(transaction=True)]

WIDTHS = (1440, 900, 390, 320)
ALBUM = os.environ.get("SCREENSHOTS")


def _look(page: Page, name: str, theme: str) -> None:
    """Check the page at every width; keep a picture of each where SCREENSHOTS names a folder."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert_no_sideways_scroll(page)
        assert_axe(page)
        if ALBUM:
            page.screenshot(path=Path(ALBUM) / f"{name}-{theme}-{width}.png", full_page=True)
    page.set_viewport_size({"width": 1440, "height": 900})


def _cases() -> int:
    from decimal import Decimal

    cases = factories.opened(
        factories.finding(),
        factories.finding("period_closed", code="period_closed", message="The period November 2026 of US-01 is closed in the ERP.",
                          system="netsuite", entity="US-01", amount=Money(Decimal("96100.00"), "USD")),
        factories.finding("unknown_outcome", message="The ERP did not answer in 30 s; the invoice may or may not exist.",
                          system="netsuite", entity="UK-01", amount=Money(Decimal("41220.50"), "GBP")),
        factories.finding("legal_entity_missing", message="The line item 'Advisory Q4' names no legal entity.", system="hubspot",
                          entity="", amount=None, saga="project_activation", step="resolve_customer", awaiting="project.active"),
        factories.finding("value_unmapped", message="The service line STRATEGY has no project template.", system="tryton",
                          amount=Money(Decimal("1240000.00"), "EUR"), saga="project_activation", step="template"),
    )  # fmt: skip
    people.take_case(cases[1].pk, by=factories.person("tom").actor)
    people.add_note(
        cases[0].pk, text="Asked the tax team at 10:12.\nThey answer today.", by=factories.person("petra").actor
    )
    return cases[0].pk


@pytest.mark.parametrize("theme", THEMES)
def test_the_sign_in_page_is_for_everybody(page: Page, live_server: LiveServer, theme: str) -> None:
    page.emulate_media(color_scheme=theme)
    page.goto(live_server.url + reverse("workbench:sign_in"))

    _look(page, "sign-in", theme)
    assert_focus_visible(page)


@pytest.mark.parametrize("theme", THEMES)
def test_the_queue_is_for_everybody(page: Page, context: BrowserContext, live_server: LiveServer, theme: str) -> None:
    _cases()
    sign_in(context, live_server, factories.person(theme=theme, density="compact"))
    page.goto(live_server.url + reverse("workbench:cases"))

    _look(page, "queue", theme)
    assert_focus_visible(page)
    page.keyboard.press("End")
    assert_focus_visible(page, "Shift+Tab")


@pytest.mark.parametrize("theme", THEMES)
def test_an_empty_queue_says_that_all_is_clear(
    page: Page, context: BrowserContext, live_server: LiveServer, theme: str
) -> None:
    sign_in(context, live_server, factories.person(theme=theme))
    page.goto(live_server.url + reverse("workbench:cases"))

    assert page.get_by_role("heading", name="All clear").is_visible()
    _look(page, "queue-empty", theme)
    page.goto(live_server.url + reverse("workbench:cases") + "?severity=low")
    assert page.get_by_role("heading", name="No exception matches these filters").is_visible()
    _look(page, "queue-no-match", theme)


@pytest.mark.parametrize("theme", THEMES)
def test_the_case_page_is_for_everybody(
    page: Page, context: BrowserContext, live_server: LiveServer, theme: str
) -> None:
    number = _cases()
    sign_in(context, live_server, factories.person(theme=theme))
    page.goto(live_server.url + reverse("workbench:case", args=[number]))

    _look(page, "case", theme)
    assert_focus_visible(page)


@pytest.mark.parametrize("theme", THEMES)
def test_every_component_is_for_everybody(
    page: Page, context: BrowserContext, live_server: LiveServer, theme: str
) -> None:
    sign_in(context, live_server, factories.person(theme=theme, is_staff=True))
    page.goto(live_server.url + reverse("workbench:styleguide"))

    _look(page, "styleguide", theme)


@pytest.mark.parametrize("theme", THEMES)
def test_preferences_are_for_everybody(
    page: Page, context: BrowserContext, live_server: LiveServer, theme: str
) -> None:
    sign_in(context, live_server, factories.person(theme=theme))
    page.goto(live_server.url + reverse("workbench:preferences"))

    _look(page, "preferences", theme)
    assert_focus_visible(page)


@pytest.mark.expect_status(404, 403)
@pytest.mark.parametrize("theme", THEMES)
def test_error_pages_are_for_everybody_and_name_the_correlation_id(
    page: Page, context: BrowserContext, live_server: LiveServer, theme: str
) -> None:
    sign_in(context, live_server, factories.person(theme=theme, roles=()))

    missing = page.goto(live_server.url + "/nothing/here/")
    assert missing is not None
    assert page.get_by_text(missing.headers["x-correlation-id"]).is_visible()
    _look(page, "404", theme)

    refused = page.goto(live_server.url + reverse("workbench:cases"))
    assert refused is not None
    assert refused.status == 403
    assert page.get_by_text("cases.view").is_visible()
    _look(page, "403", theme)
