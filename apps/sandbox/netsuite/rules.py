"""What NetSuite insists on and works out when a record is saved, type by type."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

from apps.sandbox.clock import today
from apps.sandbox.ledger import Ledger, Row
from apps.sandbox.netsuite import periods
from apps.sandbox.netsuite.balances import applied_amounts, money, with_applied, with_balance, with_totals
from apps.sandbox.netsuite.bodies import VENDOR
from apps.sandbox.netsuite.errors import closed_period, invalid_value, user_error
from apps.sandbox.netsuite.schema import CHARGE_STAGES, JOB_STATUSES

PREFIXES = {"invoice": "INV", "creditMemo": "CM", "customerPayment": "PAY"}
Store = Callable[[str, Row], None]


class Rules:
    """`checked` completes a row or refuses it; `settled` then stores what the row does to others."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def checked(self, kind: str, row: Row, *, before: Row | None) -> Row:
        rule: Callable[..., Row] | None = getattr(self, f"_{kind}", None)
        return row if rule is None else rule(row, before=before)

    def settled(self, kind: str, row: Row | None, *, before: Row | None, store: Store) -> None:
        """Moves balances and charges from what `before` claimed to what `row` claims; either may be None."""
        if kind == "invoice":
            self._bill_charges(row, before=before, store=store)
        elif kind in ("creditMemo", "customerPayment"):
            field = "amountCredited" if kind == "creditMemo" else "amountPaid"
            for invoice_id, change in _change(row, before).items():
                invoice = self._ledger.table(VENDOR, "invoice").rows[invoice_id]
                store("invoice", with_balance({**invoice, field: float(money(invoice.get(field)) + change)}))

    def draft_total(self, row: Row) -> float:
        """What a transaction with these lines would come to."""
        total: float = with_totals(row)["total"]
        return total

    def refuse_closed(self, row: Row) -> None:
        period = self._ledger.get(VENDOR, "accountingPeriod", row["postingPeriod"]["id"])
        if period is None or periods.state_of(period, row["subsidiary"]["id"]) == "closed":
            raise closed_period()

    def _customer(self, row: Row, *, before: Row | None) -> Row:
        return self._with_currency(self._numbered(row, prefix="CUS"))

    def _job(self, row: Row, *, before: Row | None) -> Row:
        status = (row.get("entityStatus") or {"id": "2"})["id"]
        if status not in JOB_STATUSES:
            raise invalid_value(status, field="entityStatus")
        row = {**row, "entityStatus": {"id": status, "refName": JOB_STATUSES[status]}}
        if row.get("parent"):
            self._refuse_foreign_subsidiary(row["parent"], row["subsidiary"])
        return self._with_currency(self._numbered(row, prefix="PRJ"))

    def _charge(self, row: Row, *, before: Row | None) -> Row:
        stage = (row.get("stage") or {"id": "READY_FOR_BILLING"})["id"]
        if stage not in CHARGE_STAGES:
            raise invalid_value(stage, field="stage")
        if before is not None and before.get("invoice") and before.get("amount") != row.get("amount"):
            raise user_error("This charge has been billed and cannot be changed.", path="invoice")
        if row.get("amount") is None and row.get("rate") is not None:
            row = {**row, "amount": float(money(Decimal(str(row["rate"])) * Decimal(str(row.get("quantity") or 1))))}
        entity = self._row(row["billTo"])
        row = {**row, "stage": {"id": stage}, "subsidiary": row.get("subsidiary") or entity["subsidiary"]}
        row.setdefault("chargeDate", today().isoformat())
        return {**row, "currency": row.get("currency") or entity["currency"]}

    def _invoice(self, row: Row, *, before: Row | None) -> Row:
        self._refuse_voided(row, before)
        row = self._placed(row, entity=row["entity"], kind="invoice", before=before)
        row.setdefault("dueDate", self._due(row))
        for number, line in enumerate(row["item"]):
            charge = self._row(line["charge"]) if line.get("charge") else None
            if charge and charge.get("invoice") and charge["invoice"]["id"] != row["id"]:
                path = f"item.items[{number}].charge"
                raise user_error(f"The charge {charge['id']} has already been billed.", path=path)
        if row.get("voided"):
            return self._voided(row)
        return with_balance(with_totals(row))

    def _creditMemo(self, row: Row, *, before: Row | None) -> Row:  # noqa: N802 - named as the record type
        self._refuse_voided(row, before)
        row = with_totals(self._placed(row, entity=row["entity"], kind="creditMemo", before=before))
        self._refuse_overdrawn(row, before)
        return with_applied(row, limit=money(row["total"]))

    def _customerPayment(self, row: Row, *, before: Row | None) -> Row:  # noqa: N802 - named as the record type
        row = self._placed(row, entity=row["customer"], kind="customerPayment", before=before)
        row["total"] = row["payment"]
        self._refuse_overdrawn(row, before)
        return with_applied(row, limit=money(row["payment"]))

    def _placed(self, row: Row, *, entity: Row, kind: str, before: Row | None) -> Row:
        """Subsidiary, currency, day, period and number of a transaction; both its periods must be open."""
        owner = self._row(entity)
        subsidiary = row.get("subsidiary") or owner["subsidiary"]
        self._refuse_foreign_subsidiary(entity, subsidiary)
        row = {**row, "subsidiary": subsidiary, "currency": row.get("currency") or owner["currency"]}
        row.setdefault("tranDate", today().isoformat())
        if before is not None:
            self.refuse_closed(before)
        moved = (
            before is not None
            and before["tranDate"] != row["tranDate"]
            and before["postingPeriod"] == row.get("postingPeriod")
        )
        if row.get("postingPeriod") is None or moved:
            period = periods.containing(self._ledger, row["tranDate"])
            if period is None:
                raise invalid_value(row["tranDate"], field="tranDate")
            row["postingPeriod"] = {"id": period["id"], "type": "accountingPeriod"}
        self.refuse_closed(row)
        if not row.get("tranId"):
            code = (self._row(subsidiary).get("externalId") or subsidiary["id"]).split("-")[0]
            number = self._ledger.next_id(VENDOR, f"_number:{kind}:{subsidiary['id']}", start=1001)
            row["tranId"] = f"{PREFIXES[kind]}-{code}-{number}"
        return row

    def _due(self, row: Row) -> str:
        terms = row.get("terms") or self._row(row["entity"]).get("terms")
        days = int(self._row({**terms, "type": "terms"})["daysUntilNetDue"]) if terms else 30
        return (date.fromisoformat(row["tranDate"]) + timedelta(days=days)).isoformat()

    def _voided(self, row: Row) -> Row:
        if money(row.get("amountPaid")) or money(row.get("amountCredited")):
            raise user_error("This transaction cannot be voided: a payment or credit is applied to it.", path="voided")
        return with_balance(row)

    def _bill_charges(self, row: Row | None, *, before: Row | None, store: Store) -> None:
        old = {line["charge"]["id"] for line in (before or {}).get("item") or [] if line.get("charge")}
        lines = [] if row is None or row.get("voided") else row["item"]
        new = {line["charge"]["id"] for line in lines if line.get("charge")}
        for charge_id in old - new:
            charge = self._ledger.get(VENDOR, "charge", charge_id)
            if charge is not None:
                store("charge", {**charge, "invoice": None, "stage": {"id": "READY_FOR_BILLING"}})
        for charge_id in new - old:
            assert row is not None
            charge = self._ledger.table(VENDOR, "charge").rows[charge_id]
            billed = {"invoice": {"id": row["id"], "type": "invoice"}, "stage": {"id": "PROCESSED"}}
            store("charge", {**charge, **billed, "billDate": row["tranDate"]})

    def _refuse_overdrawn(self, row: Row, before: Row | None) -> None:
        for invoice_id, change in _change(row, before).items():
            invoice = self._ledger.table(VENDOR, "invoice").rows[invoice_id]
            if invoice.get("voided"):
                raise user_error("You cannot apply to a voided transaction.", path="apply")
            if change > money(invoice["amountRemaining"]):
                raise user_error(f"The amount applied exceeds what {invoice['tranId']} still owes.", path="apply")

    def _refuse_voided(self, row: Row, before: Row | None) -> None:
        if before is not None and before.get("voided"):
            raise user_error("This transaction has been voided and cannot be changed.", path="voided")

    def _refuse_foreign_subsidiary(self, entity: Row, subsidiary: Row) -> None:
        owner = self._row(entity)
        if owner["subsidiary"]["id"] == subsidiary["id"]:
            return
        extra = f"{owner['id']}:{subsidiary['id']}"
        if self._ledger.table(VENDOR, "_relationship").rows.get(extra) is None:
            raise invalid_value(subsidiary, field="subsidiary")

    def _with_currency(self, row: Row) -> Row:
        return row if row.get("currency") else {**row, "currency": self._row(row["subsidiary"])["currency"]}

    def _numbered(self, row: Row, *, prefix: str) -> Row:
        if row.get("entityId"):
            return row
        return {**row, "entityId": f"{prefix}{row['id']}"}

    def _row(self, reference: Row) -> Row:
        return self._ledger.table(VENDOR, reference["type"]).rows[reference["id"]]


def _change(row: Row | None, before: Row | None) -> dict[str, Decimal]:
    """How much more each invoice is claimed by `row` than it was by `before`."""
    new, old = applied_amounts(row or {}), applied_amounts(before or {})
    changes = {one: new.get(one, Decimal(0)) - old.get(one, Decimal(0)) for one in new | old}
    return {one: amount for one, amount in changes.items() if amount}
