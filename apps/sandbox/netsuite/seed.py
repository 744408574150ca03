"""The account on its first day: subsidiaries, currencies, service items, terms, periods."""

from apps.sandbox.ledger import Ledger, Row
from apps.sandbox.netsuite.bodies import VENDOR
from apps.sandbox.netsuite.periods import seed_periods


def seed(ledger: Ledger) -> None:
    """Only what is missing; safe on every start."""
    for kind, rows in _MASTERS.items():
        for row in rows:
            if ledger.get(VENDOR, kind, row["id"]) is None:
                ledger.put(VENDOR, kind, row["id"], {**row, "isInactive": False}, key=row.get("externalId"))
    seed_periods(ledger)


def _subsidiary(row_id: str, code: str, *, name: str, country: str, currency: str) -> Row:
    return {
        "id": row_id,
        "externalId": code,
        "name": name,
        "legalName": name,
        "country": country,
        "currency": {"id": currency, "type": "currency"},
        "isElimination": False,
    }


def _currency(row_id: str, symbol: str, *, name: str, base: bool = False) -> Row:
    return {"id": row_id, "externalId": symbol, "symbol": symbol, "name": name, "isBaseCurrency": base}


def _item(row_id: str, code: str, *, name: str) -> Row:
    return {"id": row_id, "externalId": code, "itemId": code, "displayName": name}


_MASTERS: dict[str, list[Row]] = {
    "currency": [
        _currency("1", "USD", name="US Dollar", base=True),
        _currency("2", "GBP", name="British Pound"),
        _currency("3", "CAD", name="Canadian Dollar"),
        _currency("4", "EUR", name="Euro"),
    ],
    "subsidiary": [
        _subsidiary("1", "US-01", name="Northbeam Consulting Inc.", country="US", currency="1"),
        _subsidiary("2", "UK-01", name="Northbeam Consulting Ltd", country="GB", currency="2"),
    ],
    "serviceSaleItem": [
        _item("101", "ADVISORY", name="Advisory services"),
        _item("102", "IMPLEMENTATION", name="Implementation services"),
        _item("103", "MANAGED", name="Managed services"),
    ],
    "terms": [
        {"id": str(number), "externalId": f"NET{days}", "name": f"Net {days}", "daysUntilNetDue": days}
        for number, days in enumerate((14, 30, 45, 60), start=1)
    ],
}
