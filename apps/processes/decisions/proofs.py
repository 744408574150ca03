"""What a person must show so that a step goes on without its system, and the answer that follows from it. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from apps.billing.models import Invoice
from apps.canonical.base import Canonical
from apps.canonical.billing import InvoiceStatus
from apps.canonical.codec import to_json
from apps.canonical.parties import TaxLine
from apps.core.errors import BadInput
from apps.core.money import round_amount
from apps.processes.decisions.definition import Input

Given = Mapping[str, Any]

DOCUMENT = Input("document", "Document number", help="What proves it: the number in the system, a ticket, a protocol.")
_REFERENCE = Input("ref", "Id in the system", help="The system's own id of the record, as its address shows it.")


@dataclass(frozen=True, slots=True)
class Proof:
    """What is asked beside the document number, and the receipt's JSON made of it and of the command's body."""

    inputs: tuple[Input, ...]
    answer: Callable[[Given, Given], dict[str, Any]]


def _nothing_more(body: Given, given: Given) -> dict[str, Any]:
    return {"ref": given["document"], "payload": {}}


def _record(body: Given, given: Given) -> dict[str, Any]:
    return {"ref": given["ref"], "payload": {}}


def _invoice(body: Given, given: Given) -> dict[str, Any]:
    """An invoice that stands in the books under the number shown, with the totals we asked for."""
    meant = body.get("invoice") or _as_we_mean_it(str(body.get("invoice_id", "")))
    status = InvoiceStatus(
        ref=given["ref"],
        key=meant["id"],
        number=given["document"],
        state="posted",
        currency=meant["currency"],
        net=meant["net"],
        tax=meant["tax"],
        total=meant["total"],
        open_balance=meant["total"],
        posted_on=given["posted_on"],
    )
    return {"ref": given["ref"], "payload": _json(status)}


def _as_we_mean_it(invoice_id: str) -> dict[str, Any]:
    row = Invoice.objects.get(pk=invoice_id)
    return {"id": row.pk, "currency": row.currency, "net": row.net, "tax": row.tax, "total": row.total}


def _tax(body: Given, given: Given) -> dict[str, Any]:
    """A tax that a person has determined, line by line at one rate."""
    asked, rate = body["body"], given["rate_percent"]
    if not 0 <= rate <= 100:
        raise BadInput(f"a rate of {rate} per cent cannot be", path="rate_percent", mend="Give 0 to 100.")
    lines = [
        TaxLine(
            ref=str(line["ref"]),
            base=Decimal(str(line["amount"])),
            rate_percent=rate,
            amount=_tax_of(Decimal(str(line["amount"])), rate, str(asked["currency"])),
            code=given["tax_code"],
            reason=f"{given['reason']} ({given['document']})",
        )
        for line in asked["lines"]
    ]
    return {"ref": given["document"], "payload": {"lines": [_json(line) for line in lines]}}


def _tax_of(base: Decimal, rate: Decimal, currency: str) -> Decimal:
    return round_amount((base * rate / 100).quantize(Decimal("0.000001"), ROUND_HALF_UP), currency)


def _json(value: Canonical) -> dict[str, Any]:
    return to_json(value)


_PLAIN = Proof((), _nothing_more)
_INVOICE = Proof((_REFERENCE, Input("posted_on", "Posted on", "date", "The day in the books.")), _invoice)
# A command that is not named here cannot be overridden: nobody could type what later steps need of its answer.
PROOFS: dict[str, Proof] = {
    "UpsertCustomer": Proof((_REFERENCE,), _record),
    "CreateProject": Proof((_REFERENCE,), _record),
    "CreateInvoice": _INVOICE,
    "PostInvoice": _INVOICE,
    "ReadInvoice": _INVOICE,
    "RequestTaxQuote": Proof(
        (
            Input("rate_percent", "Tax rate", "number", "Per cent, for example 19."),
            Input("tax_code", "Tax code", help="As the ERP knows it, for example DE-19."),
            Input("reason", "Grounds", help="Why this rate, for the invoice."),
        ),
        _tax,
    ),
    "SetBudget": _PLAIN,
    "SetRevenueSchedule": _PLAIN,
    "CreateBillingSchedule": _PLAIN,
    "UpdateOpportunity": _PLAIN,
    "Announce": _PLAIN,
    "CancelProject": _PLAIN,
    "CancelBillingSchedule": _PLAIN,
}
