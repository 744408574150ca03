"""HubSpot's verbs against the sandbox: reading a won deal whole, writing back, finding what changed."""

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from apps.canonical.codec import from_json
from apps.canonical.commands import ReadOpportunity, UpdateOpportunity
from apps.canonical.contracts import Contract
from apps.core.errors import Misconfigured, Rejected, TransientFailure
from tests.connectors.bench import run
from tests.connectors.conftest import a_call, a_win
from tests.connectors.line import Line
from tests.plugins.sandbox import Sandbox


@pytest.fixture(autouse=True)
def _limits(sandbox: Sandbox) -> Iterator[None]:
    sandbox.tell("hubspot/limits", ten_secondly=None, search_secondly=None)
    yield
    sandbox.tell("hubspot/limits", ten_secondly=190, search_secondly=5)


def read(hubspot: Any, ref: str) -> Contract:
    return from_json(Contract, run(hubspot.execute(a_call(ReadOpportunity(ref=ref), key="read"))).payload)


def test_a_won_deal_is_read_whole_in_three_calls(hubspot: Any, sandbox: Sandbox, line: Line):
    won = sandbox.tell("hubspot/won", **a_win())

    contract = read(hubspot, won["deal_id"])

    assert (contract.ref, contract.won, contract.value) == (won["deal_id"], True, Decimal("100000.50"))
    assert contract.account is not None
    assert contract.account.ref == won["company_id"]
    assert [one.code for one in contract.lines[0].milestones] == ["M1", "M2"]
    assert len(line.calls) == 3
    assert all("/2026-09/" in one.path for one in line.calls)


def test_parents_are_followed_up_to_the_top_and_a_circle_ends(hubspot: Any, sandbox: Sandbox):
    won = sandbox.tell("hubspot/won", **a_win())
    above = sandbox.tell("hubspot/won", **a_win(company={"name": "Holding", "hs_parent_company_id": won["company_id"]}))
    change = {
        "object": "companies",
        "id": won["company_id"],
        "properties": {"hs_parent_company_id": above["company_id"]},
    }
    sandbox.tell("hubspot/change", **change)

    contract = read(hubspot, won["deal_id"])

    assert [one.ref for one in contract.hierarchy] == [above["company_id"]]
    assert contract.hierarchy[0].parent_ref == won["company_id"]


def test_a_parent_that_is_not_there_ends_the_hierarchy(hubspot: Any, sandbox: Sandbox):
    won = sandbox.tell("hubspot/won", **a_win(company={"name": "Contoso", "hs_parent_company_id": "999999"}))

    contract = read(hubspot, won["deal_id"])

    assert contract.account is not None
    assert (contract.account.parent_ref, contract.hierarchy) == ("999999", ())


def test_a_line_item_leads_to_its_deal(hubspot: Any, sandbox: Sandbox):
    won = sandbox.tell("hubspot/won", **a_win())

    assert read(hubspot, f"line_item:{won['line_item_ids'][0]}").ref == won["deal_id"]


def test_a_deal_nobody_can_read_is_a_case_and_names_the_property(hubspot: Any, sandbox: Sandbox):
    won = sandbox.tell("hubspot/won", **a_win(deal_currency_code="XXQ"))

    with pytest.raises(Rejected) as raised:
        read(hubspot, won["deal_id"])

    assert raised.value.code == "payload_unreadable"
    with pytest.raises(Rejected, match="not found"):
        read(hubspot, "424242")


def test_news_arrive_in_the_deal(hubspot: Any, sandbox: Sandbox):
    won = sandbox.tell("hubspot/won", **a_win())
    command = UpdateOpportunity(
        ref=won["deal_id"],
        project_id="PRJ-1",
        project_status="active",
        invoiced_amount=Decimal("10.50"),
        currency="USD",
    )

    done = run(hubspot.execute(a_call(command, key="k")))

    (deal,) = sandbox.ask(f"ledger?vendor=hubspot&kind=deals&key={won['deal_id']}")
    assert deal["body"]["properties"]["erp_invoiced_amount"] == "10.50"
    assert done.version
    assert run(hubspot.lookup(a_call(command, key="k"))) is not None


def test_changes_are_found_and_once_each(hubspot: Any, sandbox: Sandbox):
    won = sandbox.tell("hubspot/won", **a_win())

    first = run(hubspot.changes(""))
    again = run(hubspot.changes(first.cursor))
    time.sleep(0.01)
    sandbox.tell(
        "hubspot/change", object="line_items", id=won["line_item_ids"][0], properties={"milestone_due": "2027-02-01"}
    )
    third = run(hubspot.changes(again.cursor))

    ids = {one.external_id for one in first.events}
    assert {one.subject for one in first.events} == {f"deal:{won['deal_id']}"}
    assert {one.external_id for one in again.events} == ids
    fresh = [one for one in third.events if one.external_id not in ids]
    assert [one.subject for one in fresh] == [f"deal:{won['deal_id']}"]
    envelope = hubspot.parse(fresh[0].body)
    assert (envelope.name, envelope.subject) == ("opportunity.changed", won["deal_id"])


@pytest.mark.parametrize(("policy", "pause_s"), [("ten_secondly", 10.0), ("search_secondly", 1.0)])
def test_each_limit_has_its_pause(hubspot: Any, sandbox: Sandbox, policy: str, pause_s: float):
    won = sandbox.tell("hubspot/won", **a_win())
    ask = (lambda: hubspot.changes("")) if policy == "search_secondly" else (lambda: hubspot.execute(call))
    call = a_call(ReadOpportunity(ref=won["deal_id"]), key="read")
    sandbox.tell("hubspot/limits", **{"ten_secondly": None, "search_secondly": None, policy: 1})

    with pytest.raises(TransientFailure) as raised:
        run(ask())

    assert (raised.value.scope, raised.value.retry_after_s) == ("system", pause_s)


def test_a_token_of_another_portal_is_an_admins_matter(hubspot: Any, line: Line):
    assert run(hubspot.health())["portal_id"] == 62515
    with (
        line.disturbed(answer=(401, {}, b'{"category": "INVALID_AUTHENTICATION"}')),
        pytest.raises(Misconfigured) as raised,
    ):
        run(hubspot.health())

    assert raised.value.code == "credentials_expired"
