"""A salesperson's evening in one call: company, deal, line items, and the deal is won."""

from decimal import Decimal
from typing import Any

from apps.sandbox.hubspot.associations import Associations
from apps.sandbox.hubspot.errors import invalid
from apps.sandbox.hubspot.objects import Objects

_PERSON = "CRM"
_DEAL_WORDS = {"name": "dealname", "currency": "deal_currency_code", "stage": None, "company": None, "lines": None}


def win_deal(objects: Objects, *, associations: Associations, spec: Any) -> dict[str, Any]:
    """Create what the spec names, tie it together, move the deal to closedwon; answers with the ids.

    spec: {name, currency, stage?, company: {properties} or {"id"}, lines: [{properties}], and any deal property}.
    The amount is the lines' sum unless given. `stage` other than closedwon leaves the deal there.
    """
    if not isinstance(spec, dict) or not spec.get("name"):
        raise invalid("won: expected {name, currency, company, lines, ...}; name is missing")
    company_id = _company(objects, spec.get("company") or {"name": spec["name"]})
    line_ids = [
        objects.create("line_items", {"properties": one}, source=_PERSON)["id"] for one in spec.get("lines") or []
    ]
    properties = {_DEAL_WORDS.get(name) or name: value for name, value in spec.items() if _is_property(name)}
    properties.setdefault("amount", _sum(objects, line_ids))
    deal = objects.create("deals", {"properties": properties}, source=_PERSON)
    associations.link("deals", deal["id"], "companies", company_id)
    for line_id in line_ids:
        associations.link("deals", deal["id"], "line_items", line_id)
    closing = {"dealstage": spec.get("stage", "closedwon")}
    if "closedate" not in properties:
        closing["closedate"] = deal["createdAt"]
    objects.change("deals", deal["id"], closing, source=_PERSON)
    return {"deal_id": deal["id"], "company_id": company_id, "line_item_ids": line_ids}


def _company(objects: Objects, spec: dict[str, Any]) -> str:
    if "id" in spec:
        return str(objects.live("companies", str(spec["id"]))["id"])
    return str(objects.create("companies", {"properties": spec}, source=_PERSON)["id"])


def _is_property(name: str) -> bool:
    return _DEAL_WORDS.get(name, name) is not None


def _sum(objects: Objects, line_ids: list[str]) -> str:
    amounts = (objects.live("line_items", one)["properties"].get("amount") or "0" for one in line_ids)
    return format(sum(map(Decimal, amounts), Decimal(0)), "f")
