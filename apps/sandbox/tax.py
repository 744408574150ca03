"""The tax engine: which treatment a sale gets and what tax its lines carry. Pure."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import Any

from apps.sandbox.http import Answer, problem

_UNION = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
EU = frozenset(_UNION.split())
_STANDARD_RATES = {"DE": Decimal(19), "GB": Decimal(20)}
_VALID_FROM = {"DE": "2021-01-01", "GB": "2011-01-04", "US": "2000-01-01"}
_NO_MINOR_UNIT = frozenset(["JPY", "KRW", "VND", "CLP", "ISK"])
# The world outside the Union that the engine knows; a sale to anywhere else is not guessed at.
_KNOWN = EU | frozenset(["GB", "US", "CH", "NO", "CA", "AU", "NZ", "JP", "SG", "IN", "AE", "BR", "MX"])


@dataclass(frozen=True, slots=True)
class Treatment:
    treatment: str
    code: str
    rate_percent: Decimal
    jurisdiction: str
    reason: str


def treatment_of(*, seller: str, buyer: str, buyer_tax_id: str) -> Treatment | None:
    """None when nothing certain can be said about this pair of countries."""
    if buyer not in _KNOWN:
        return None
    if seller == "US":
        return Treatment("exempt", "US0", Decimal(0), "US", "professional services are not taxable")
    if seller == "GB":
        if buyer == "GB":
            return Treatment("standard", "GB20", Decimal(20), "GB", "supply within the United Kingdom")
        return Treatment("zero", "GB0", Decimal(0), "GB", "service supplied outside the United Kingdom")
    if seller not in EU:
        return None
    if buyer == seller or (buyer in EU and not buyer_tax_id):
        rate = _STANDARD_RATES.get(seller)
        reason = (
            "supply within the country" if buyer == seller else "buyer without tax id is taxed at the seller's rate"
        )
        return Treatment("standard", f"{seller}{rate}", rate, seller, reason) if rate is not None else None
    if buyer in EU:
        return Treatment("reverse_charge", "RC", Decimal(0), buyer, "reverse charge: the buyer owes the tax")
    return Treatment("zero", f"{seller}0", Decimal(0), seller, "service supplied outside the Union")


def reply_data(event: dict[str, Any], *, prefix: str) -> tuple[str, dict[str, Any]] | Answer | None:
    """Type and data of the answering event; a problem when the question cannot be answered; None when it is no question."""
    asked = event["type"].removeprefix(prefix)
    if asked not in ("tax.quote.requested", "tax.profile.requested"):
        return None
    data = event.get("data")
    if not isinstance(data, dict):
        return _unusable("data: expected an object")
    if not isinstance(data.get("currency"), str | None) or not isinstance(data.get("lines") or [], list):
        return _unusable("data: expected currency as text and lines as a list")
    seller, buyer = str(data.get("seller_country") or ""), str(data.get("buyer_country") or "")
    found = treatment_of(seller=seller, buyer=buyer, buyer_tax_id=str(data.get("buyer_tax_id") or ""))
    if found is None:
        detail = f"No tax rule for a seller in {seller or '(none)'} and a buyer in {buyer or '(none)'}; correct buyer_country."
        return problem(422, title="Tax undeterminable", detail=detail, code="tax_undeterminable", field="buyer_country")
    if asked == "tax.profile.requested":
        return f"{prefix}tax.profiled", _profile(data, found)
    return _quote(data, found, type_=f"{prefix}tax.quoted")


def _profile(data: dict[str, Any], found: Treatment) -> dict[str, Any]:
    return {
        "reference": data.get("reference"),
        "treatment": found.treatment,
        "code": found.code,
        "rate_percent": str(found.rate_percent),
        "jurisdiction": found.jurisdiction,
        "valid_from": _VALID_FROM.get(found.jurisdiction, "2021-01-01"),
        "reason": found.reason,
    }


def _quote(data: dict[str, Any], found: Treatment, *, type_: str) -> tuple[str, dict[str, Any]] | Answer:
    try:
        date.fromisoformat(str(data["tax_date"]))
    except (KeyError, ValueError):
        return _unusable("data.tax_date: expected YYYY-MM-DD")
    unit = Decimal(1) if data.get("currency") in _NO_MINOR_UNIT else Decimal("0.01")
    lines, total = [], Decimal(0)
    for number, line in enumerate(data.get("lines") or []):
        try:
            base = Decimal(str(line["amount"]))
            amount = (base * found.rate_percent / 100).quantize(unit, rounding=ROUND_HALF_EVEN)
            line_ref = line.get("ref")
        except (LookupError, TypeError, AttributeError, InvalidOperation):
            return _unusable(f"data.lines[{number}].amount: expected a decimal number")
        total += amount
        lines.append(
            {
                "ref": line_ref,
                "base": str(base),
                "rate_percent": str(found.rate_percent),
                "amount": str(amount),
                "code": found.code,
                "reason": found.reason,
            }
        )
    if not lines:
        return _unusable("data.lines: expected at least one {ref, amount}")
    quote = {"reference": data.get("reference"), "treatment": found.treatment, "jurisdiction": found.jurisdiction}
    return type_, {**quote, "currency": data.get("currency"), "lines": lines, "total_tax": str(total.quantize(unit))}


def _unusable(detail: str) -> Answer:
    return problem(422, title="Unusable question", detail=detail, code="data_invalid")
