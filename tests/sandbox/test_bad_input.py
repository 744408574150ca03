"""Whatever arrives, the answer is the vendor's own error, never a crash, and nothing half-made stays."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tests.sandbox.process import SandboxProcess

JUNK = [None, [], {}, "x", -1, 1.5e308, True, "\x00", [None], [[]], {"items": [None]}, {"id": {}}, "1" * 400, "NaN"]
LINE = {"item": {"id": "101"}, "amount": 1, "quantity": 1, "tax1Amt": 1}
FILTER = {"propertyName": "amount", "operator": "BETWEEN", "value": "1", "highValue": "3", "values": ["1"]}
BODIES: dict[str, Any] = {
    "record PUT job/eid:J": {"companyName": "x", "subsidiary": {"id": "1"}, "entityStatus": {"id": "2"}},
    "record PUT charge/eid:C": {"billTo": {"externalId": "PRJ-1"}, "stage": {"id": "HOLD_FOR_BILLING"}, "amount": 1},
    "record PUT invoice/eid:I": {
        "entity": {"externalId": "PRJ-1"},
        "tranDate": "2026-11-01",
        "postingPeriod": {"id": "323"},
        "item": {"items": [LINE]},
        "taxDetails": {"items": [{"taxAmount": 1}]},
    },
    "suiteql": {"q": "SELECT id FROM job WHERE id = ?", "params": ["1"]},
    "restlet": {"action": "set_budget", "project": {"externalId": "PRJ-1"}, "lines": [{"amount": 1}]},
    "hubspot POST /crm/objects/2026-03/deals": {"properties": {"dealname": "x", "amount": "1"}, "associations": []},
    "hubspot POST /crm/objects/2026-03/deals/batch/upsert": {
        "inputs": [{"id": "K", "idProperty": "tieout_external_key", "properties": {"dealname": "x"}}]
    },
    "hubspot POST /crm/objects/2026-03/deals/search": {
        "filterGroups": [{"filters": [FILTER]}],
        "sorts": ["amount"],
        "limit": 10,
        "after": "0",
        "properties": ["amount"],
    },
    "hubspot POST /crm/associations/2026-03/deals/companies/batch/create": {
        "inputs": [{"from": {"id": "1"}, "to": {"id": "2"}}]
    },
    "event tax com.tieout.tax.quote.requested": {
        "seller_country": "DE",
        "buyer_country": "DE",
        "currency": "EUR",
        "tax_date": "2026-01-01",
        "lines": [{"ref": "a", "amount": "1"}],
    },
    "control period": {"subsidiary": "1", "period": "2026-03", "state": "open"},
    "control hubspot/won": {
        "name": "x",
        "currency": "USD",
        "company": {"name": "c"},
        "lines": [{"name": "l", "price": 1}],
    },
}


def mutations(body: Any) -> Iterator[Any]:
    """The body with each part left out, or replaced by junk."""
    if isinstance(body, dict):
        for name in body:
            yield {key: value for key, value in body.items() if key != name}
            for part in itertools.chain(JUNK, mutations(body[name])):
                yield {**body, name: part}
    elif isinstance(body, list) and body:
        for part in itertools.chain(JUNK, mutations(body[0])):
            yield [part]


def send(sandbox: SandboxProcess, call: str, body: Any):
    door, *words = call.split()
    if door == "control":
        return sandbox.session.post(f"{sandbox.base}/_control/{words[0]}", json=body)
    doors = {"record": sandbox.record, "hubspot": sandbox.hubspot, "event": sandbox.send_event}
    if door == "suiteql":
        return sandbox.netsuite("POST", "/services/rest/query/v1/suiteql", body, headers={"prefer": "transient"})
    return doors[door](*words, body) if door in doors else sandbox.restlet(body)


@pytest.mark.parametrize("call", BODIES)
def test_bad_input_is_refused_in_words(sandbox: SandboxProcess, call: str):
    sandbox.a_project()
    crashes = []

    for body in itertools.chain(JUNK, mutations(BODIES[call])):
        answer = send(sandbox, call, body)
        if answer.status_code >= 500 or (answer.status_code >= 400 and not answer.json()):
            crashes.append((answer.status_code, body))

    assert crashes == []


def test_a_body_of_ten_megabytes_or_a_thousand_levels_is_no_crash(sandbox: SandboxProcess):
    url = f"{sandbox.base}/hubspot/crm/objects/2026-03/deals"
    headers = {"authorization": "Bearer pat-eu1-test", "content-type": "application/json"}

    long = sandbox.session.post(url, data=b'{"properties":{"dealname":"' + b"x" * 10_000_000 + b'"}}', headers=headers)
    deep = sandbox.session.post(url, data=b'{"a":' * 1000 + b"1" + b"}" * 1000, headers=headers)
    huge = sandbox.session.post(url, data=b"x" * (33 * 1024 * 1024), headers=headers)

    assert (long.status_code, deep.status_code, huge.status_code) == (400, 400, 413)
