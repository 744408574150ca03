"""HubSpot's webhooks: what they say, how they are signed, what happens when nobody listens."""

import base64
import hashlib
import hmac
import json

from tests.sandbox.conftest import Ear, until
from tests.sandbox.process import CLIENT_SECRET, SandboxProcess

WIN = {"name": "Deal", "currency": "USD", "company": {"name": "C"}, "lines": [{"name": "L", "price": 1, "quantity": 1}]}


def events(ear: Ear) -> list[dict]:
    return [event for path, _headers, body in ear.heard if path.endswith("/hubspot/") for event in json.loads(body)]


def is_won(event: dict) -> bool:
    return event.get("propertyName") == "dealstage" and event.get("propertyValue") == "closedwon"


def test_a_win_is_announced_with_a_signature_computed_over_the_whole_address(sandbox: SandboxProcess, ear: Ear):
    won = sandbox.control("POST", "hubspot/won", WIN)

    event = until(lambda: next(filter(is_won, events(ear)), None))

    assert (event["objectId"], event["subscriptionType"]) == (int(won["deal_id"]), "deal.propertyChange")
    assert (event["changeSource"], event["portalId"], event["attemptNumber"]) == ("CRM", 62515, 0)
    path, headers, body = ear.heard[0]
    timestamp = headers["x-hubspot-request-timestamp"]
    signed = b"POST" + f"{ear.base}{path}".encode() + body + timestamp.encode()
    expected = base64.b64encode(hmac.new(CLIENT_SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    assert headers["x-hubspot-signature-v3"] == expected
    kinds = {event["subscriptionType"] for event in events(ear)}
    assert {"company.creation", "line_item.creation", "deal.creation"} <= kinds


def test_a_write_back_comes_back_as_our_own(sandbox: SandboxProcess, ear: Ear):
    deal = sandbox.hubspot("POST", "/crm/objects/2026-03/deals", {"properties": {"dealname": "A"}}).json()
    url = f"/crm/objects/2026-03/deals/{deal['id']}"

    after = sandbox.hubspot("PATCH", url, {"properties": {"erp_project_id": "PRJ-1"}}).json()

    event = until(lambda: next((e for e in events(ear) if e.get("propertyName") == "erp_project_id"), None))
    assert (event["changeSource"], event["sourceId"]) == ("INTEGRATION", "54321")
    assert after["properties"]["hs_lastmodifieddate"] >= deal["properties"]["hs_lastmodifieddate"]


def test_what_nobody_took_is_sent_again_until_it_is_taken(sandbox: SandboxProcess, ear: Ear):
    ear.status = 503
    sandbox.control("POST", "hubspot/won", WIN)
    until(lambda: sandbox.control("GET", "webhooks")["hubspot"]["failed_attempts"] >= 2)

    ear.status = 202
    event = until(lambda: next(filter(is_won, events(ear)), None))

    assert event["attemptNumber"] >= 1
    until(lambda: sandbox.control("GET", "webhooks")["hubspot"]["pending"] == 0)


def test_duplicates_and_pauses_are_played_on_request(sandbox: SandboxProcess, ear: Ear):
    sandbox.control("POST", "webhooks", {"duplicate": 2, "shuffle": True, "pause": True})
    sandbox.control("POST", "hubspot/won", WIN)
    assert sandbox.control("GET", "webhooks")["hubspot"]["pending"] > 0
    assert events(ear) == []

    sandbox.control("POST", "webhooks", {"duplicate": 2, "shuffle": True})

    until(lambda: len(list(filter(is_won, events(ear)))) == 3)
    sandbox.control("POST", "webhooks", {})


def test_webhooks_waiting_when_the_process_is_killed_are_sent_after_the_restart(own_sandbox, ear: Ear):
    sandbox = own_sandbox()
    ear.status = 503
    won = sandbox.control("POST", "hubspot/won", WIN)
    sandbox.kill()
    ear.status = 202

    sandbox.start()

    event = until(lambda: next(filter(is_won, events(ear)), None))
    assert event["objectId"] == int(won["deal_id"])
