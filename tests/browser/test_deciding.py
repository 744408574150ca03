"""Deciding in a real browser: folded forms, the second person, the group and its job; accessible in both themes."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from tests import factories
from tests.browser.conftest import THEMES, assert_axe, assert_no_sideways_scroll, sign_in
from tests.plugins.estate import Estate
from tests.processes.decisions.story import offer, person, refused_invoice

pytestmark = [pytest.mark.django_db(transaction=True)]
ALBUM = os.environ.get("SCREENSHOTS")


def _look(page: Page, name: str) -> None:
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 900})
            assert_no_sideways_scroll(page)
            if ALBUM:
                page.screenshot(path=Path(ALBUM) / f"{name}-{theme}-{width}.png", full_page=True)
        assert_axe(page)


def test_one_edits_a_payload_and_another_sees_exactly_what_changes(
    page: Page, context: BrowserContext, live_server: LiveServer, company: Estate
) -> None:
    case = refused_invoice(company)
    sign_in(context, live_server, person("finance"))
    page.goto(f"{live_server.url}/exceptions/EXC-{case.pk}/")
    page.locator("summary", has_text="Resubmit edited").click()
    _look(page, "decision-form")

    body = offer("resubmit", case).inputs[0].value.replace('"total": "1', '"total": "2', 1)
    page.locator("#id_resubmit_payload").fill(body)
    page.locator("#id_resubmit_why").fill("agreed by phone")
    page.get_by_role("button", name="Resubmit edited").click()

    assert page.get_by_text("Waits for Finance controller").is_visible()
    sign_in(context, live_server, person("controller"))
    page.reload()
    assert page.get_by_role("button", name="Agree").is_visible()
    _look(page, "second-person")


def test_a_whole_cause_is_dismissed_after_a_look_at_what_would_happen(
    page: Page, context: BrowserContext, live_server: LiveServer
) -> None:
    cases = factories.opened(*(factories.finding() for _ in range(5)))
    sign_in(context, live_server, factories.person("anna"))
    page.goto(f"{live_server.url}/exceptions/groups/{cases[0].fingerprint}/")
    page.locator("summary", has_text="Dismiss").click()
    _look(page, "group")
    page.locator("#id_dismiss_why").fill("a test customer")
    page.locator("details[open]").get_by_role("button", name="Show what would happen").click()

    assert page.get_by_text("Nothing is decided yet").is_visible()
    _look(page, "job-planned")
    page.get_by_role("button", name="Decide 5").click()

    assert page.get_by_text("5 of 5 done").is_visible()
    _look(page, "job-done")


@pytest.mark.expect_status(422)
def test_a_decision_without_what_it_asks_for_stays_open_with_its_error(
    page: Page, context: BrowserContext, live_server: LiveServer
) -> None:
    (case,) = factories.opened()
    sign_in(context, live_server, factories.person("anna"))
    page.goto(f"{live_server.url}/exceptions/EXC-{case.pk}/")
    page.locator("summary", has_text="Snooze").click()
    page.locator("#id_snooze_until").fill("2020-01-01T09:00")
    page.locator("#id_snooze_why").fill("later")
    page.get_by_role("button", name="Snooze").click()

    assert page.get_by_text("has passed").first.is_visible()
    assert page.locator("#id_snooze_why").input_value() == "later"
