"""Deals, companies and line items, as a HubSpot client meets them."""

from tests.sandbox.process import SandboxProcess

OBJECTS = "/crm/objects/2026-03"


def create(sandbox: SandboxProcess, kind: str = "deals", **properties: str):
    answer = sandbox.hubspot("POST", f"{OBJECTS}/{kind}", {"properties": properties})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_stranger_is_refused(sandbox: SandboxProcess):
    answer = sandbox.session.get(f"{sandbox.base}/hubspot{OBJECTS}/deals")

    assert (answer.status_code, answer.json()["category"]) == (401, "INVALID_AUTHENTICATION")
    assert answer.json()["correlationId"]


def test_a_won_deal_is_read_with_its_company_and_lines_on_every_version(sandbox: SandboxProcess):
    won = sandbox.control(
        "POST",
        "hubspot/won",
        {
            "name": "Northwind roll-out",
            "currency": "GBP",
            "contract_start": "2026-12-01",
            "company": {"name": "Northwind", "country": "GB"},
            "lines": [{"name": "Kick-off", "hs_sku": "ADVISORY", "quantity": 2, "price": "1500.50"}],
        },
    )
    query = "?associations=companies,line_items&properties=amount,dealstage,hs_is_closed_won,contract_start,po_number"

    paths = (f"{OBJECTS}/deals", "/crm/objects/2026-09/deals", "/crm/v3/objects/deals")
    deals = [sandbox.hubspot("GET", f"{path}/{won['deal_id']}{query}").json() for path in paths]

    assert deals[0] == deals[1] == deals[2]
    shown = deals[0]["properties"]
    assert (shown["amount"], shown["dealstage"], shown["hs_is_closed_won"]) == ("3001.00", "closedwon", "true")
    assert (shown["contract_start"], shown["po_number"]) == ("2026-12-01", None)
    assert deals[0]["associations"]["companies"]["results"][0]["id"] == won["company_id"]
    assert [one["id"] for one in deals[0]["associations"]["line items"]["results"]] == won["line_item_ids"]


def test_an_unknown_property_and_a_bad_value_are_named(sandbox: SandboxProcess):
    body = {"properties": {"dealname": "X", "nonsense": "1", "amount": "much", "hs_is_closed_won": "true"}}

    answer = sandbox.hubspot("POST", f"{OBJECTS}/deals", body)

    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")
    codes = {one["context"]["propertyName"][0]: one["code"] for one in answer.json()["errors"]}
    assert codes == {
        "nonsense": "PROPERTY_DOESNT_EXIST",
        "amount": "INVALID_NUMBER",
        "hs_is_closed_won": "READ_ONLY_VALUE",
    }
    assert sandbox.ledger(kind="deals") == []


def test_a_missing_record_is_object_not_found(sandbox: SandboxProcess):
    answer = sandbox.hubspot("GET", f"{OBJECTS}/deals/999999")

    assert (answer.status_code, answer.json()["category"]) == (404, "OBJECT_NOT_FOUND")


def test_a_unique_value_belongs_to_one_record(sandbox: SandboxProcess):
    first = create(sandbox, dealname="A", tieout_external_key="K-1")

    answer = sandbox.hubspot(
        "POST", f"{OBJECTS}/deals", {"properties": {"dealname": "B", "tieout_external_key": "K-1"}}
    )

    assert (answer.status_code, answer.json()["category"]) == (409, "CONFLICT")
    by_key = sandbox.hubspot("GET", f"{OBJECTS}/deals/K-1?idProperty=tieout_external_key").json()
    assert by_key["id"] == first["id"]


def test_a_batch_does_what_it_can_and_tells_the_rest(sandbox: SandboxProcess):
    known = create(sandbox, dealname="A", tieout_external_key="K-1")
    inputs = [
        {"idProperty": "tieout_external_key", "id": "K-1", "properties": {"erp_project_id": "PRJ-1"}},
        {"idProperty": "tieout_external_key", "id": "K-2", "properties": {"dealname": "New"}},
        {"idProperty": "tieout_external_key", "id": "K-3", "properties": {"dealname": "Bad", "nonsense": "1"}},
    ]

    answer = sandbox.hubspot("POST", f"{OBJECTS}/deals/batch/upsert", {"inputs": inputs})
    read = sandbox.hubspot(
        "POST",
        f"{OBJECTS}/deals/batch/read",
        {"inputs": [{"id": known["id"]}, {"id": "1"}], "properties": ["erp_project_id"]},
    )

    assert answer.status_code == 207
    assert [(one["new"], one["properties"]["tieout_external_key"]) for one in answer.json()["results"]] == [
        (False, "K-1"),
        (True, "K-2"),
    ]
    assert (answer.json()["numErrors"], answer.json()["errors"][0]["category"]) == (1, "VALIDATION_ERROR")
    assert read.status_code == 207
    assert read.json()["results"][0]["properties"]["erp_project_id"] == "PRJ-1"
    assert read.json()["errors"][0]["context"]["ids"] == ["1"]
    too_many = {"inputs": [{"id": str(n)} for n in range(101)]}
    assert sandbox.hubspot("POST", f"{OBJECTS}/deals/batch/read", too_many).status_code == 400


def test_search_filters_sorts_and_pages(sandbox: SandboxProcess):
    for number in range(5):
        create(
            sandbox,
            dealname=f"D{number}",
            amount=str(number * 100),
            dealstage="closedwon" if number > 1 else "contractsent",
        )
    won = {"propertyName": "hs_is_closed_won", "operator": "EQ", "value": "true"}
    since = {"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": "1732233600000"}
    body = {
        "filterGroups": [{"filters": [won, since]}],
        "sorts": [{"propertyName": "amount", "direction": "DESCENDING"}],
        "properties": ["dealname"],
        "limit": 2,
    }

    first = sandbox.hubspot("POST", f"{OBJECTS}/deals/search", body).json()
    second = sandbox.hubspot(
        "POST", f"{OBJECTS}/deals/search", {**body, "after": first["paging"]["next"]["after"]}
    ).json()

    names = [one["properties"]["dealname"] for one in first["results"] + second["results"]]
    assert (first["total"], names) == (3, ["D4", "D3", "D2"])
    assert "paging" not in second
    assert sandbox.hubspot("POST", f"{OBJECTS}/deals/search", {**body, "after": "9999"}).status_code == 400
    assert sandbox.hubspot("POST", f"{OBJECTS}/deals/search", {**body, "limit": 201}).status_code == 400


def test_properties_are_made_once_and_pipelines_tell_what_won_means(sandbox: SandboxProcess):
    spec = {"name": "erp_ref", "label": "ERP", "type": "string", "fieldType": "text", "groupName": "dealinformation"}

    made = sandbox.hubspot("POST", "/crm/properties/2026-03/deals", {**spec, "hasUniqueValue": True})
    again = sandbox.hubspot("POST", "/crm/properties/2026-03/deals", spec)
    stages = sandbox.hubspot("GET", "/crm/pipelines/2026-03/deals").json()["results"][0]["stages"]

    assert (made.status_code, again.status_code) == (201, 409)
    assert create(sandbox, dealname="A", erp_ref="R-1")["properties"]["erp_ref"] == "R-1"
    won = [s["id"] for s in stages if s["metadata"] == {"isClosed": "true", "probability": "1.0"}]
    assert won == ["closedwon"]


def test_associations_are_seen_from_both_ends(sandbox: SandboxProcess):
    deal, company = create(sandbox, dealname="A")["id"], create(sandbox, "companies", name="B")["id"]
    inline = {
        "properties": {"name": "Line", "quantity": "1", "price": "10"},
        "associations": [
            {"to": {"id": deal}, "types": [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 20}]}
        ],
    }
    line = sandbox.hubspot("POST", f"{OBJECTS}/line_items", inline).json()["id"]

    put = sandbox.hubspot("PUT", f"{OBJECTS}/deals/{deal}/associations/default/companies/{company}")
    shown = sandbox.hubspot("GET", f"/crm/v4/objects/companies/{company}/associations/deals").json()
    batch = {"inputs": [{"id": deal}]}
    lines = sandbox.hubspot("POST", "/crm/associations/2026-03/deals/line_items/batch/read", batch).json()

    assert put.status_code == 200, put.text
    assert shown["results"][0]["toObjectId"] == int(deal)
    assert lines["results"][0]["to"][0]["toObjectId"] == int(line)


def test_limits_answer_as_the_vendor_signals_them(sandbox: SandboxProcess):
    sandbox.control("POST", "hubspot/limits", {"ten_secondly": 4, "search_secondly": 1})

    answers = [sandbox.hubspot("GET", f"{OBJECTS}/deals") for _ in range(3)]
    searches = [sandbox.hubspot("POST", f"{OBJECTS}/deals/search", {}) for _ in range(2)]
    last = sandbox.hubspot("GET", f"{OBJECTS}/deals")
    sandbox.control("POST", "hubspot/limits", {"ten_secondly": 0, "search_secondly": 0})

    assert [one.headers["X-HubSpot-RateLimit-Remaining"] for one in answers] == ["3", "2", "1"]
    assert [one.status_code for one in searches] == [200, 429]
    assert searches[1].json()["policyName"] == "SECONDLY"
    assert "X-HubSpot-RateLimit-Max" not in searches[0].headers
    assert (last.status_code, last.json()["policyName"]) == (429, "TEN_SECONDLY_ROLLING")
    assert last.json()["errorType"] == "RATE_LIMIT"


def test_search_by_a_unique_value_finds_its_one_holder(sandbox: SandboxProcess):
    wanted = create(sandbox, dealname="A", tieout_external_key="K-1")
    create(sandbox, dealname="B", tieout_external_key="K-2")

    def found(value: str) -> list[str]:
        one = {"propertyName": "tieout_external_key", "operator": "EQ", "value": value}
        body = {"filterGroups": [{"filters": [one]}]}
        return [row["id"] for row in sandbox.hubspot("POST", f"{OBJECTS}/deals/search", body).json()["results"]]

    assert (found("K-1"), found("K-9")) == ([wanted["id"]], [])


def test_an_archived_record_is_gone_and_its_unique_value_is_free_again(sandbox: SandboxProcess):
    first = create(sandbox, dealname="A", tieout_external_key="K-1")

    gone = sandbox.hubspot("DELETE", f"{OBJECTS}/deals/{first['id']}")

    assert gone.status_code == 204
    assert sandbox.hubspot("GET", f"{OBJECTS}/deals/{first['id']}").status_code == 404
    assert create(sandbox, dealname="B", tieout_external_key="K-1")["id"] != first["id"]
    archived = sandbox.hubspot("GET", f"{OBJECTS}/deals?archived=true").json()["results"]
    assert [one["id"] for one in archived] == [first["id"]]
