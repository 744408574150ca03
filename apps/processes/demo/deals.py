"""Deals as the demo's salespeople write them."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

COMPANIES: dict[str, dict[str, str]] = {
    "helios": {
        "name": "Helios Maschinenbau AG", "domain": "helios.example", "address": "Werkstraße 12", "city": "Stuttgart", "zip": "70173",
        "country": "DE", "tax_id": "DE136695976", "billing_email": "rechnung@helios.example", "payment_terms_days": "30",
    },
    "nimbus": {
        "name": "Nimbus Analytics Inc", "domain": "nimbus.example", "address": "200 Congress Ave", "city": "Austin", "zip": "78701",
        "country": "US", "tax_id": "12-3456789", "billing_email": "ap@nimbus.example", "payment_terms_days": "45",
    },
    "thames": {
        "name": "Thames Water Engineering Ltd", "domain": "thames.example", "address": "1 Bankside", "city": "London", "zip": "SE1 9TG",
        "country": "GB", "tax_id": "GB980780684", "billing_email": "accounts@thames.example", "payment_terms_days": "30",
    },
    "orion": {
        "name": "Orion Pharma Holding SE", "domain": "orion.example", "address": "Rheinallee 4", "city": "Mainz", "zip": "55116",
        "country": "DE", "tax_id": "DE129273398", "billing_email": "ap@orion.example", "payment_terms_days": "30",
    },
    "aurora": {
        "name": "Aurora Energie GmbH", "domain": "aurora.example", "address": "Hafenstraße 1", "city": "Hamburg", "zip": "20457",
        "country": "DE", "tax_id": "DE811907980", "billing_email": "invoices@aurora.example", "payment_terms_days": "30",
    },
    # No address and no billing e-mail: nobody knows where its invoices go.
    "kestrel": {"name": "Kestrel Retail Group Ltd", "domain": "kestrel.example", "country": "GB"},
    "borealis": {
        "name": "Borealis Foods Inc", "domain": "borealis.example", "address": "500 Pine St", "city": "Seattle", "zip": "98101",
        "country": "US", "billing_email": "ap@borealis.example", "payment_terms_days": "30",
    },
    "cascade": {
        "name": "Cascade Mobility Inc", "domain": "cascade.example", "address": "77 Harbor Dr", "city": "Portland", "zip": "97201",
        "country": "US", "billing_email": "ap@cascade.example", "payment_terms_days": "30",
    },
    "delta": {
        "name": "Delta Logistics Ltd", "domain": "delta.example", "address": "9 Dock Road", "city": "Liverpool", "zip": "L3 4AA",
        "country": "GB", "billing_email": "ap@delta.example", "payment_terms_days": "30",
    },
    "ember": {
        "name": "Ember Consumer Brands Inc", "domain": "ember.example", "address": "12 Lake View", "city": "Chicago", "zip": "60601",
        "country": "US", "billing_email": "ap@ember.example", "payment_terms_days": "45",
    },
    "fjord": {
        "name": "Fjord Airlines UK Ltd", "domain": "fjord.example", "address": "Terminal Way", "city": "Crawley", "zip": "RH6 0NP",
        "country": "GB", "billing_email": "ap@fjord.example", "payment_terms_days": "30",
    },
}  # fmt: skip


def line(
    entity: str,
    service_line: str,
    milestones: list[tuple[str, str, str]],
    *,
    first_due: date,
    every_days: int = 30,
) -> list[dict[str, str]]:
    """The line items of one contract line: (code, name, amount) per milestone, due one after the other."""
    return [
        {
            "name": name,
            "hs_sku": service_line,
            "quantity": "1",
            "price": amount,
            "amount": amount,
            "legal_entity": entity,
            "billing_method": "fixed_fee_milestone",
            "milestone_code": code,
            "milestone_due": (first_due + timedelta(days=every_days * number)).isoformat(),
        }
        for number, (code, name, amount) in enumerate(milestones)
    ]


def deal(
    name: str,
    *,
    company: dict[str, str],
    currency: str,
    lines: list[dict[str, str]],
    starts_on: date,
    months: int = 6,
    **properties: str,
) -> dict[str, Any]:
    """What the sandbox's salesperson enters; the amount is the sum of the lines."""
    return {
        "name": name,
        "currency": currency,
        "company": company,
        "lines": lines,
        "amount": str(sum((Decimal(item["amount"]) for item in lines), Decimal(0))),
        "contract_start": starts_on.isoformat(),
        "contract_end": (starts_on + timedelta(days=30 * months)).isoformat(),
        "delivery_model": "fixed_price",
        **properties,
    }
