"""A person at work: signs in, finds a case, takes it, decides, is overtaken; with the keyboard, and without scripts."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer
from pytest_playwright.pytest_playwright import CreateContextCallback

from apps.exceptions.actions import people
from apps.exceptions.models import ExceptionCase
from tests import factories
from tests.browser.conftest import assert_axe, sign_in

pytestmark = [pytest.mark.django_db(transaction=True)]


@pytest.mark.expect_status(422)
def test_a_person_signs_in_with_the_keyboard_and_lands_at_the_queue(page: Page, live_server: LiveServer) -> None:
    factories.person("anna")
    page.goto(live_server.url)
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type("anna")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.locator("[data-error-summary]")).to_be_focused()
    assert_axe(page)

    page.get_by_label("Password").fill(factories.PASSWORD)
    page.keyboard.press("Enter")

    expect(page).to_have_url(live_server.url + reverse("workbench:cases"))
    expect(page.get_by_role("heading", name="All clear")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(live_server.url + reverse("workbench:sign_in"))


def test_j_and_k_move_between_rows_and_never_disturb_typing(
    page: Page, context: BrowserContext, live_server: LiveServer
) -> None:
    factories.opened(*(factories.finding() for _ in range(3)))
    sign_in(context, live_server, factories.person())
    page.goto(live_server.url + reverse("workbench:cases"))
    rows = page.locator("[data-row-link]")

    rows.nth(0).focus()
    page.keyboard.press("j")
    expect(rows.nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(rows.nth(0)).to_be_focused()

    words = page.get_by_label("Any id or word")
    words.focus()
    page.keyboard.type("jk")
    expect(words).to_have_value("jk")


def test_single_keys_can_be_switched_off(page: Page, context: BrowserContext, live_server: LiveServer) -> None:
    factories.opened(*(factories.finding() for _ in range(2)))
    sign_in(context, live_server, factories.person(single_keys=False))
    page.goto(live_server.url + reverse("workbench:cases"))

    page.locator("[data-row-link]").nth(0).focus()
    page.keyboard.press("j")

    expect(page.locator("[data-row-link]").nth(0)).to_be_focused()


def test_a_filter_is_in_the_address_and_can_be_sent_to_a_colleague(
    page: Page, context: BrowserContext, live_server: LiveServer
) -> None:
    factories.opened(factories.finding(), factories.finding("value_unmapped"))
    sign_in(context, live_server, factories.person())
    page.goto(live_server.url + reverse("workbench:cases"))

    page.get_by_label("Family").select_option("mapping")

    expect(page).to_have_url(re.compile("family=mapping"))
    expect(page.locator("[data-row-link]")).to_have_count(1)
    page.get_by_role("link", name="Family: Mapping").click()
    expect(page.locator("[data-row-link]")).to_have_count(2)


@pytest.mark.expect_status(409)
def test_two_people_on_one_case_the_slower_learns_who_was_faster(
    page: Page, context: BrowserContext, live_server: LiveServer
) -> None:
    (case,) = factories.opened()
    tom = factories.person("tom")
    sign_in(context, live_server, factories.person("anna"))
    page.goto(live_server.url + reverse("workbench:case", args=[case.pk]))
    page.get_by_label("Reason for: Dismiss").fill("a test customer")
    people.take_case(case.pk, by=tom.actor)

    page.get_by_role("button", name="Dismiss").click()

    expect(page.get_by_text("This exception changed while you were working")).to_be_visible()
    expect(page.locator("#conflict")).to_contain_text("tom")
    expect(page.locator("#conflict")).to_contain_text("a test customer")
    assert_axe(page)
    assert ExceptionCase.objects.get(pk=case.pk).state == "assigned"


def test_reading_and_deciding_work_without_scripts(new_context: CreateContextCallback, live_server: LiveServer) -> None:
    (case,) = factories.opened()
    context = new_context(java_script_enabled=False)
    sign_in(context, live_server, factories.person())
    page = context.new_page()
    page.goto(live_server.url + reverse("workbench:cases"))

    page.get_by_role("link", name=case.title).click()
    page.get_by_role("button", name="Take").click()

    expect(page.get_by_text(f"You look after {case.number} now.")).to_be_visible()
    page.get_by_role("textbox", name="Note").fill("Asked the tax team.")
    page.get_by_role("button", name="Add note").click()
    expect(page.get_by_text("Asked the tax team.")).to_be_visible()


def test_the_menu_opens_on_a_narrow_screen_without_scripts(
    new_context: CreateContextCallback, live_server: LiveServer
) -> None:
    context = new_context(java_script_enabled=False)
    sign_in(context, live_server, factories.person())
    page = context.new_page()
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(live_server.url + reverse("workbench:preferences"))
    menu = page.get_by_role("navigation", name="Main")
    expect(menu).to_be_hidden()

    page.get_by_role("button", name="Menu").click()

    expect(menu).to_be_visible()
    menu.get_by_role("link", name="Exceptions").click()
    expect(page.get_by_role("heading", name="Exceptions")).to_be_visible()


def test_any_id_found_anywhere_leads_to_its_case(page: Page, context: BrowserContext, live_server: LiveServer) -> None:
    (case,) = factories.opened()
    sign_in(context, live_server, factories.person())
    page.goto(live_server.url + reverse("workbench:preferences"))

    page.get_by_label("Find a case by any id: case, invoice, project, correlation id").fill(case.number)
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name=case.title, level=1)).to_be_visible()
