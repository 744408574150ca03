"""What an invoice still owes: applications of credit memos and payments, voids, totals."""

from decimal import Decimal

from apps.sandbox.ledger import Row
from apps.sandbox.netsuite.errors import invalid_content, user_error

CENT = Decimal("0.01")


def money(value: object) -> Decimal:
    return Decimal(str(value or 0)).quantize(CENT)


def with_totals(row: Row) -> Row:
    """Lines' amounts filled in, subtotal, tax and total added up. A line needs an amount, or rate and quantity."""
    lines, subtotal, tax = [], Decimal(0), Decimal(0)
    for number, line in enumerate(row.get("item") or []):
        amount = _line_amount(line, number=number)
        subtotal += amount
        tax += _line_tax(line, amount)
        lines.append({**line, "amount": float(amount)})
    if row.get("taxDetails"):
        tax = sum((money(line.get("taxAmount")) for line in row["taxDetails"]), Decimal(0))
    figures = {"subtotal": float(subtotal), "taxTotal": float(tax), "total": float(subtotal + tax)}
    return {**row, "item": lines, **figures}


def with_balance(invoice: Row) -> Row:
    """Status and open amount from what was paid and credited."""
    total, paid, credited = (money(invoice.get(name)) for name in ("total", "amountPaid", "amountCredited"))
    if invoice.get("voided"):
        return {**invoice, "status": "Voided", "amountRemaining": 0.0}
    remaining = total - paid - credited
    if remaining < 0:
        raise user_error("The total cannot be less than what has already been applied to this invoice.", path="total")
    return {**invoice, "status": "Open" if remaining else "Paid In Full", "amountRemaining": float(remaining)}


def applied_amounts(row: Row) -> dict[str, Decimal]:
    """Amount per invoice id that a credit memo or payment claims."""
    claimed: dict[str, Decimal] = {}
    for number, line in enumerate(row.get("apply") or []):
        if line.get("apply", True) and line.get("doc"):
            amount = money(line.get("amount"))
            if amount <= 0:
                raise invalid_content("Please enter a positive amount to apply.", path=f"apply.items[{number}].amount")
            claimed[line["doc"]["id"]] = claimed.get(line["doc"]["id"], Decimal(0)) + amount
    return claimed


def with_applied(row: Row, *, limit: Decimal) -> Row:
    """A credit's or payment's own figures."""
    applied = sum(applied_amounts(row).values(), Decimal(0))
    if applied > limit:
        raise user_error("The amount applied exceeds the total of this transaction.", path="apply")
    figures = {"applied": float(applied), "unapplied": float(limit - applied)}
    return {**row, **figures, "status": "Fully Applied" if applied == limit else "Open"}


def _line_amount(line: Row, *, number: int) -> Decimal:
    if line.get("item") is None:
        raise invalid_content("Please choose an item to add.", path=f"item.items[{number}].item")
    if line.get("amount") is not None:
        return money(line["amount"])
    if line.get("rate") is not None:
        return (Decimal(str(line["rate"])) * Decimal(str(line.get("quantity") or 1))).quantize(CENT)
    raise invalid_content("Please enter a value for amount.", path=f"item.items[{number}].amount")


def _line_tax(line: Row, amount: Decimal) -> Decimal:
    if line.get("tax1Amt") is not None:
        return money(line["tax1Amt"])
    return (amount * Decimal(str(line.get("taxRate1") or 0)) / 100).quantize(CENT)
