"""Tryton's field names for invoices, credit notes and periods, and our words, both ways. Pure: no HTTP, no clock."""

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from apps.canonical.billing import Invoice, InvoiceLine, InvoiceStatus
from apps.canonical.codec import read
from apps.connectors.tryton.ids import Ids
from apps.connectors.tryton.mapping import billed_share, is_cancelled, version_of
from apps.core.errors import BadInput, Rejected
from apps.core.money import round_amount

Record = dict[str, Any]

INVOICE, SHARE, PERIOD = "account.invoice", "project.work.invoiced_progress", "account.period"
CREDIT_WIZARD = "account.invoice.credit"

INVOICE_FIELDS = (
    "type", "state", "number", "reference", "untaxed_amount", "tax_amount", "total_amount", "amount_to_pay",
    "currency.code", "move.date", "write_date", "_timestamp", "payment_lines", "cancel_move",
)  # fmt: skip
PARTY_FIELDS = ("addresses.invoice",)
PERIOD_FIELDS = ("name", "state")
# Billed as a share of the milestone; ten digits keep a hundred million exact to the cent.
_SHARE_DIGITS = Decimal("1e-10")
_PERIOD_STATES = {"open": "open", "closed": "closed", "locked": "closed"}


def invoice_by_key(key: str) -> list[Any]:
    """The domain that finds an invoice by our id; the reference is not unique in Tryton, and voided ones do not count."""
    return [["type", "=", "out"], ["reference", "=", key], ["OR", ["state", "!=", "cancelled"], ["number", "!=", None]]]


def credits_of(invoice: int) -> list[Any]:
    """The domain of the credit notes that undo an invoice: a posted one takes no key of ours, but keeps its origin."""
    origin = ["lines.origin.invoice", "=", invoice, "account.invoice.line"]
    return [["type", "=", "out"], ["state", "in", ["posted", "paid"]], origin]


def shares_of(invoice: int) -> list[Any]:
    """The domain of the milestone shares an invoice has billed."""
    return [["invoice_line.invoice", "=", invoice]]


def period_of(day: date, *, ids: Ids) -> list[Any]:
    """The domain of the monthly period of a day."""
    company = ["company", "=", ids.company]
    return [company, ["type", "=", "standard"], ["start_date", "<=", day], ["end_date", ">=", day]]


def invoices_since(instant: Any, ref: int, *, ids: Ids) -> list[Any]:
    """The domain of what changed after a position in the feed."""
    later = ["OR", ["write_date", ">", instant], [["write_date", "=", instant], ["id", ">", ref]]]
    return [["company", "=", ids.company], ["type", "=", "out"], later]


FEED_ORDER = (("write_date", "ASC"), ("id", "ASC"))


def address_of(party: Mapping[str, Any] | None) -> int:
    """The customer's address for invoices; raises Rejected(bill_to_missing) when it has none."""
    addresses = (party or {}).get("addresses") or ()
    for one in sorted(addresses, key=lambda address: not address.get("invoice")):
        return int(one["id"])
    raise Rejected(
        "Tryton's customer has no address to bill to. Complete the account's billing contact.",
        code="bill_to_missing",
        field="account.bill_to",
    )


def to_invoice(
    invoice: Invoice, *, customer: int, address: int, milestones: Mapping[str, Mapping[str, Any]], ids: Ids
) -> Record:
    """A draft with its lines. `milestones` are the tasks billed, by their ref as the lines name them."""
    return {
        "type": "out",
        "company": ids.company,
        "party": customer,
        "invoice_address": address,
        "currency": ids.mapped("currency", invoice.currency, field="currency"),
        "account": ids.fixed("account", "receivable"),
        "journal": ids.fixed("journal", "revenue"),
        "payment_term": ids.mapped("payment_term", str(invoice.due_days), field="due_days"),
        "invoice_date": invoice.invoice_date,
        "reference": invoice.id,
        "description": f"PO {invoice.po_number}" if invoice.po_number else None,
        "lines": [
            ["create", [_to_line(line, invoice=invoice, milestones=milestones, ids=ids) for line in invoice.lines]]
        ],
    }


def to_credit(day: date) -> Record:
    """The form of the credit wizard: a credit note over the whole, posted and set off against the invoice."""
    return {"invoice_date": day, "with_refund": True, "with_refund_allowed": True}


def to_status(record: Mapping[str, Any]) -> InvoiceStatus:
    """An invoice as Tryton shows it; raises BadInput when it cannot be read."""
    state = _state(record)
    open_balance = {"draft": record.get("total_amount"), "voided": 0, "credited": 0, "paid": 0}
    move, currency = record.get("move"), record.get("currency")
    return read(
        InvoiceStatus,
        {
            "ref": str(record.get("id") or ""),
            "key": record.get("reference") or "",
            "number": record.get("number") or "",
            "state": state,
            "currency": currency.get("code", "") if isinstance(currency, dict) else "",
            "net": record.get("untaxed_amount"),
            "tax": record.get("tax_amount"),
            "total": record.get("total_amount"),
            "open_balance": open_balance.get(state, record.get("amount_to_pay")),
            "posted_on": move.get("date") if isinstance(move, dict) else None,
            "version": version_of(record),
        },
    )


def is_credit_note(record: Mapping[str, Any]) -> bool:
    """A credit note is an invoice below zero."""
    total = record.get("total_amount")
    return isinstance(total, Decimal) and total < 0


def is_settled(record: Mapping[str, Any]) -> bool:
    """Whether somebody has paid, in part or in whole: then setting it off would hide money received."""
    return bool(record.get("payment_lines")) or record.get("state") == "paid"


def to_period(record: Mapping[str, Any] | None) -> dict[str, str]:
    """State and name; a day without a period is as closed as one in a closed period."""
    if record is None:
        return {"state": "closed", "period": ""}
    state = _PERIOD_STATES.get(str(record.get("state")), "closed")
    return {"state": state, "period": str(record.get("name") or "")}


def check_totals(invoice: Invoice, status: InvoiceStatus) -> None:
    """Raises Rejected(duplicate_in_vendor) when what Tryton holds is not what we asked for."""
    theirs, ours = (status.net, status.tax, status.total), (invoice.net, invoice.tax, invoice.total)
    if theirs != ours or (status.currency and status.currency != invoice.currency):
        raise Rejected(
            f"Tryton holds {invoice.id} with net {theirs[0]}, tax {theirs[1]}, total {theirs[2]} {status.currency}; "
            f"asked for {ours[0]}, {ours[1]}, {ours[2]} {invoice.currency}. Compare the two, then void one.",
            code="duplicate_in_vendor",
            field="total",
        )


def _to_line(line: InvoiceLine, *, invoice: Invoice, milestones: Mapping[str, Mapping[str, Any]], ids: Ids) -> Record:
    if not line.tax_code:
        raise Rejected(f"Line {line.ref} has no tax code.", code="tax_undeterminable", field="lines.tax_code")
    tax = ids.mapped("tax", line.tax_code, field="lines.tax_code")
    body = {
        "type": "line",
        "company": ids.company,
        "currency": ids.mapped("currency", invoice.currency, field="currency"),
        "product": ids.fixed("product", "MILESTONE"),
        "unit": ids.fixed("unit", "milestone"),
        "account": ids.fixed("account", "revenue"),
        "description": line.description,
        "taxes": [["add", [tax]]],
    }
    if not line.milestone_ref:
        return body | _priced(line)
    return body | _share_of(line, milestone=milestones[line.milestone_ref], currency=invoice.currency, ids=ids)


def _priced(line: InvoiceLine) -> Record:
    """A line of its own: by the piece where that gives the amount exactly, else as one piece."""
    price = line.amount / line.quantity if line.quantity else line.amount
    if price == round(price, 4) and line.quantity:
        return {"quantity": float(line.quantity), "unit_price": round(price, 4)}
    return {"quantity": 1.0, "unit_price": line.amount}


def _share_of(line: InvoiceLine, *, milestone: Mapping[str, Any], currency: str, ids: Ids) -> Record:
    """A line that bills part of a milestone, and Tryton's own record of how much it bills."""
    price = milestone.get("list_price")
    if not isinstance(price, Decimal) or price <= 0 or is_cancelled(milestone, ids=ids):
        raise _refused(line, "is cancelled or has no price. Create the billing schedule again")
    share = (line.amount / price).quantize(_SHARE_DIGITS, rounding=ROUND_HALF_EVEN)
    if billed_share(milestone) + share > 1 + _SHARE_DIGITS:
        raise _refused(
            line, f"has {price} {currency}, of which {billed_share(milestone):.2%} is billed; too much is asked"
        )
    if share <= 0 or round_amount(price * share, currency) != line.amount:
        raise _refused(line, f"cannot be billed with {line.amount} {currency} out of {price}")
    quantity = float(share)
    part = {"work": milestone["id"], "progress": quantity}
    return {
        "quantity": quantity,
        "unit_price": price,
        "project_invoice_progresses": [["create", [part]]],
    }


def _refused(line: InvoiceLine, why: str) -> Rejected:
    return Rejected(
        f"Tryton's milestone {line.milestone_id or line.milestone_ref} {why}.",
        code="rejected_by_vendor",
        field="lines.amount",
    )


def _state(record: Mapping[str, Any]) -> str:
    match record.get("state"):
        case "draft" | "validated":
            return "draft"
        case "cancelled":
            return "credited" if record.get("number") else "voided"
        case "paid":
            return "paid"
        case "posted":
            return _open_state(record)
    raise BadInput(
        f"Tryton's invoice {record.get('id')} is in a state we do not know: {str(record.get('state'))[:40]!r}",
        path="state",
        mend="Tell the maintainers of the connector.",
    )


def _open_state(record: Mapping[str, Any]) -> str:
    """With a queue Tryton says paid a little later than it is: nothing left to pay is paid."""
    left, total = record.get("amount_to_pay"), record.get("total_amount")
    if left == 0 and total:
        return "paid"
    return "posted" if left == total else "partly_paid"
