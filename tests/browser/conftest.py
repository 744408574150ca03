"""Chromium for the browser tests, and what every page must keep: no console error, no CSP report."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from django.test import Client
from playwright.sync_api import BrowserContext, Page
from pytest_django.live_server_helper import LiveServer

from apps.access.models import User

AXE = (Path(axe_playwright_python.__file__).with_name("axe.min.js")).read_text()
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
THEMES = ("light", "dark")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is a browser test."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {
        **browser_context_args,
        "viewport": {"width": 1440, "height": 900},
        "locale": "en-GB",
        "timezone_id": "Europe/Berlin",
        "reduced_motion": "reduce",
    }


@pytest.fixture(autouse=True)
def _quiet_console(page: Page, request: pytest.FixtureRequest) -> Iterator[None]:
    """No error and no CSP report on any page, save the network lines of answers a test asks for (`expect_status`)."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield
    marker = request.node.get_closest_marker("expect_status")
    asked = [f"status of {status}" for status in (marker.args if marker else ())]
    assert [line for line in said if not any(word in line for word in asked)] == []


def sign_in(context: BrowserContext, server: LiveServer, user: User) -> None:
    """Give the browser the session of `user`, as a sign-in does."""
    client = Client()
    client.force_login(user)
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": server.url}])


def assert_axe(page: Page) -> None:
    """No violation of WCAG 2.2 AA that axe can find."""
    page.evaluate(AXE)
    found = page.evaluate("tags => axe.run({runOnly: tags})", TAGS)
    assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found["violations"]] == []


def assert_no_sideways_scroll(page: Page) -> None:
    """The page itself fits; only a table may scroll."""
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def assert_focus_visible(page: Page, key: str = "Tab", limit: int = 120) -> None:
    """No stop of the keyboard is hidden behind something that sticks (WCAG 2.4.11)."""
    for _ in range(limit):
        page.keyboard.press(key)
        seen = page.evaluate(
            """() => {const e = document.activeElement; if (!e || e === document.body) return null;
            const r = e.getBoundingClientRect();
            return [[.5,.5],[.02,.1],[.98,.9]].some(([a,b]) => {
              const t = document.elementFromPoint(r.left + r.width * a, r.top + r.height * b);
              return t && (t === e || e.contains(t) || t.contains(e)
                && t.closest('tr,label,nav,form') === e.closest('tr,label,nav,form'))})}"""
        )
        if seen is None:
            break
        assert seen, page.evaluate("document.activeElement.outerHTML")
