"""HubSpot's properties and our words, both ways. Pure: no HTTP, no clock."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from apps.canonical.codec import read
from apps.canonical.commands import UpdateOpportunity
from apps.canonical.contracts import Contract
from apps.connectors.hubspot.values import Record, country
from apps.connectors.inbound import digest
from apps.core.errors import BadInput

# Our word -> HubSpot's property. A tenant whose properties are named otherwise sets settings["properties"].
DEAL = {
    "name": "dealname",
    "value": "amount",
    "stage": "dealstage",
    "won": "hs_is_closed_won",
    "currency": "deal_currency_code",
    "starts_on": "contract_start",
    "ends_on": "contract_end",
    "po_number": "po_number",
    "po_amount": "po_amount",
    "delivery_model": "delivery_model",
    "changed_at": "hs_lastmodifieddate",
}
LINE_ITEM = {
    "name": "name",
    "service_line": "hs_sku",
    "quantity": "quantity",
    "price": "price",
    "amount": "amount",
    "legal_entity": "legal_entity",
    "billing_method": "billing_method",
    "milestone_code": "milestone_code",
    "due_on": "milestone_due",
    "position": "hs_position_on_quote",
}
COMPANY = {
    "name": "name",
    "domain": "domain",
    "street": "address",
    "city": "city",
    "zip": "zip",
    "country": "country",
    "parent_ref": "hs_parent_company_id",
    "tax_id": "tax_id",
    "email": "billing_email",
    "payment_terms_days": "payment_terms_days",
}
# What we write and therefore own: a change of one of these is our own echo.
WRITE_BACK = {
    "project_id": "erp_project_id",
    "project_status": "erp_project_status",
    "invoiced_amount": "erp_invoiced_amount",
    "invoice_number": "erp_last_invoice_number",
    "invoice_status": "erp_last_invoice_status",
    "invoice_date": "erp_last_invoice_date",
    "correlation_id": "tieout_correlation_id",
}
_UNWATCHED = frozenset({"changed_at"})
_REF_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Names:
    """Property names of one tenant, and what its stages and currency mean."""

    deal: Mapping[str, str]
    line_item: Mapping[str, str]
    company: Mapping[str, str]
    write_back: Mapping[str, str]
    won_stages: frozenset[str]
    default_currency: str
    # Per object type, the properties whose change concerns us.
    watched: Mapping[str, frozenset[str]]


def names_of(settings: Mapping[str, Any]) -> Names:
    """The defaults with what the tenant overrides."""
    given = settings.get("properties", {})
    deal, line_item = DEAL | given.get("deal", {}), LINE_ITEM | given.get("line_item", {})
    company = COMPANY | given.get("company", {})
    return Names(
        deal=deal,
        line_item=line_item,
        company=company,
        write_back=WRITE_BACK | given.get("write_back", {}),
        won_stages=frozenset(settings.get("won_stages", ("closedwon",))),
        default_currency=settings.get("default_currency", ""),
        watched={
            kind: frozenset(property_ for word, property_ in names.items() if word not in _UNWATCHED)
            for kind, names in (("deal", deal), ("line_item", line_item), ("company", company))
        },
    )


def to_contract(deal: Any, *, companies: Sequence[Any], line_items: Iterable[Any], names: Names) -> Contract:
    """The contract a deal stands for; `companies` are the customer and its parents, nearest first.

    One line item is one milestone; items of one legal entity, service line and billing method form one contract
    line. Raises BadInput naming object and property.
    """
    record = Record(deal, kind="deal", names=names.deal)
    accounts = [_account(company, names=names) for company in companies]
    return read(
        Contract,
        {
            "ref": record.id,
            "name": record.text("name") or f"Deal {record.id}",
            "account": accounts[0] if accounts else None,
            "hierarchy": accounts[1:],
            "currency": record.text("currency") or names.default_currency or record.missing("currency"),
            "value": record.required_decimal("value"),
            "won": record.flag("won") or record.text("stage") in names.won_stages,
            "starts_on": record.day("starts_on"),
            "ends_on": record.day("ends_on"),
            "po_number": record.text("po_number"),
            "po_amount": record.decimal("po_amount"),
            "delivery_model": record.text("delivery_model"),
            "lines": _lines([Record(item, kind="line item", names=names.line_item) for item in line_items]),
            "changed_at": record.text("changed_at"),
        },
    )


def to_write_back(command: UpdateOpportunity, *, correlation_id: str, names: Names) -> dict[str, str]:
    """The properties to set: only what the command speaks of, every value a text."""
    given = {
        "project_id": command.project_id,
        "project_status": command.project_status,
        "invoice_number": command.invoice_number,
        "invoice_status": command.invoice_status,
        "invoice_date": command.invoice_date.isoformat() if command.invoice_date else None,
        "invoiced_amount": None if command.invoiced_amount is None else format(command.invoiced_amount, "f"),
        "correlation_id": correlation_id or None,
    }
    return {
        names.write_back[word]: value for word, value in given.items() if value is not None and names.write_back[word]
    }


def is_as_written(properties: Any, written: Mapping[str, str], *, names: Names) -> bool:
    """Whether a deal shows what we wrote; amounts are compared as numbers."""
    shown = properties if isinstance(properties, dict) else {}
    amount = names.write_back["invoiced_amount"]
    return all(_same(shown.get(name), value, as_number=name == amount) for name, value in written.items())


def _same(shown: Any, written: str, *, as_number: bool) -> bool:
    if not as_number:
        return (shown or "") == written
    try:
        return Decimal(str(shown)) == Decimal(written)
    except ArithmeticError:
        return False


def _account(company: Any, *, names: Names) -> dict[str, Any]:
    record = Record(company, kind="company", names=names.company)
    code = country(record)
    terms = record.whole("payment_terms_days")
    account = {
        "ref": record.id,
        "name": record.text("name") or record.missing("name"),
        "tax_id": record.text("tax_id"),
        "country": code,
        "parent_ref": record.text("parent_ref"),
        "domain": record.text("domain"),
        "bill_to": _bill_to(record, code) if code and record.text("city") else None,
    }
    return account if terms is None else {**account, "payment_terms_days": terms}


def _bill_to(record: Record, code: str) -> dict[str, str]:
    given = {word: record.text(word) for word in ("email", "street", "city", "zip")}
    return {"name": record.text("name"), "country": code, **given}


def _lines(items: list[Record]) -> list[dict[str, Any]]:
    groups: dict[tuple[str, str, str], list[tuple[Record, dict[str, Any]]]] = {}
    for number, item in enumerate(sorted(items, key=_position), 1):
        words = (item.text("legal_entity"), item.text("service_line"), item.text("billing_method"))
        groups.setdefault(words, []).append((item, _milestone(item, number)))
    return [_line(words, members) for words, members in groups.items()]


def _line(words: tuple[str, str, str], members: list[tuple[Record, dict[str, Any]]]) -> dict[str, Any]:
    milestones: dict[str, dict[str, Any]] = {}
    for item, milestone in members:
        if milestone["code"] in milestones:
            raise item.bad("milestone_code", f"{milestone['code']!r} stands on two line items of one contract line")
        milestones[milestone["code"]] = milestone
    ref = ":".join(words)
    return {
        "ref": ref if 2 < len(ref) <= _REF_LENGTH else digest(ref),
        "legal_entity": words[0],
        "service_line": words[1],
        "billing_method": words[2],
        "amount": sum((one["amount"] for one in milestones.values()), Decimal(0)),
        "milestones": list(milestones.values()),
    }


def _milestone(item: Record, number: int) -> dict[str, Any]:
    amount = item.decimal("amount")
    if amount is None:
        quantity = item.decimal("quantity")
        amount = round(item.required_decimal("price") * (Decimal(1) if quantity is None else quantity), 6)
    code = item.text("milestone_code") or f"M{number}"
    return {"code": code, "name": item.text("name") or code, "amount": amount, "due_on": item.day("due_on")}


def _position(item: Record) -> tuple[Decimal, str]:
    try:
        position = item.decimal("position")
    except BadInput:
        position = None
    return (Decimal("Infinity") if position is None else position, item.id.rjust(20, "0"))
