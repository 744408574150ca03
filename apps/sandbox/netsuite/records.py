"""The record service: create, upsert by external id, change, remove, transform, void."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from apps.sandbox.clock import iso_s
from apps.sandbox.ledger import Ledger, Row
from apps.sandbox.netsuite.bodies import VENDOR, Bodies, merged_lines
from apps.sandbox.netsuite.errors import nonexistent, refused, user_error
from apps.sandbox.netsuite.rules import Rules
from apps.sandbox.netsuite.schema import LABELS, RECORD_TYPES, RecordType

_MADE_BY_US = "lastModifiedDate"


class Records:
    """Every write ends here. Nothing is stored before all of it has been checked."""

    def __init__(self, ledger: Ledger, *, business_keys: dict[str, str]) -> None:
        self._ledger = ledger
        self._bodies = Bodies(ledger)
        self._rules = Rules(ledger)
        self._business_keys = {name.lower(): field for name, field in business_keys.items()}
        self._dependents: Counter[tuple[str, str]] = Counter()

    def reload(self) -> None:
        """Count again who is referred to."""
        self._dependents.clear()
        for record in RECORD_TYPES.values():
            if record.writable:
                for row in self._ledger.table(VENDOR, record.name).rows.values():
                    self._dependents.update(_references(row))

    def find(self, record: RecordType, given: str) -> Row:
        """By internal id, or by `eid:` and external id. Raises NONEXISTENT_ID."""
        row = self.search(record, given)
        if row is None:
            raise nonexistent()
        return row

    def search(self, record: RecordType, given: str) -> Row | None:
        table = self._ledger.table(VENDOR, record.name)
        if not given.startswith("eid:"):
            return table.rows.get(given)
        row = table.find(given[4:])
        return row if row is not None and row.get("externalId") == given[4:] else None

    def create(self, record: RecordType, body: Any, *, strict: bool = False) -> Row:
        taken = self._bodies.read(record, body, strict_names=strict)
        key = taken.get("externalId")
        if key and self.search(record, f"eid:{key}") is not None:
            raise user_error("This record already exists.", path="externalId")
        taken = {name: value for name, value in taken.items() if value is not None}
        _require(record, taken)
        for name in record.lines:
            if name in taken:
                taken[name] = merged_lines([], taken[name], replace=True)
        taken["id"] = self._ledger.next_id(VENDOR, record.sequence, start=1001)
        return self._save(record, taken, before=None)

    def upsert(
        self, record: RecordType, external_id: str, body: Any, *, replace: set[str], strict: bool = False
    ) -> Row:
        found = self.search(record, f"eid:{external_id}")
        if found is None:
            return self.create(record, {**_object(body), "externalId": external_id}, strict=strict)
        return self.change(record, found, body, replace=replace, strict=strict)

    def change(self, record: RecordType, before: Row, body: Any, *, replace: set[str], strict: bool = False) -> Row:
        taken = self._bodies.read(record, body, strict_names=strict)
        if before.get("voided") and taken.get("voided") and set(taken) == {"voided"}:
            return before
        key = taken.get("externalId")
        holder = self.search(record, f"eid:{key}") if key else None
        if holder is not None and holder["id"] != before["id"]:
            raise user_error("This record already exists.", path="externalId")
        row = {name: value for name, value in {**before, **taken}.items() if value is not None}
        for name in record.lines:
            if name in taken:
                row[name] = merged_lines(before.get(name) or [], taken[name] or [], replace=name.lower() in replace)
        _require(record, row)
        return self._save(record, row, before=before)

    def remove(self, record: RecordType, row: Row) -> None:
        if self._dependents[record.name, row["id"]] or _has_applications(row):
            raise user_error("This record cannot be deleted because it has dependent records.")
        if record.sequence == "transaction":
            self._rules.refuse_closed(row)
        if record.name == "charge" and row.get("invoice"):
            raise user_error("This charge has been billed and cannot be deleted.", path="invoice")
        self._rules.settled(record.name, None, before=row, store=self._store)
        self._dependents.subtract(_references(row))
        self._ledger.drop(VENDOR, record.name, row["id"])

    def transform(self, record: RecordType, row: Row, *, target: RecordType, body: Any) -> Row:
        """invoice → creditMemo or customerPayment (applied to it), job → invoice (of its charges ready for billing)."""
        given = _object(body)
        start: Row
        if (record.name, target.name) == ("invoice", "creditMemo"):
            start = {name: row.get(name) for name in ("entity", "subsidiary", "currency", "terms", "memo")}
            start["item"] = {"items": [_without(line, "charge", "line") for line in row["item"]]}
            start["taxDetails"] = {"items": [_without(line, "line") for line in row.get("taxDetails") or []]}
            start["createdFrom"] = {"id": row["id"]}
            if "item" in given and "taxDetails" not in given:
                start.pop("taxDetails")
        elif (record.name, target.name) == ("invoice", "customerPayment"):
            customer = self._customer_of(row)
            start = {"customer": customer, "payment": row["amountRemaining"], "subsidiary": row["subsidiary"]}
        elif (record.name, target.name) == ("job", "invoice"):
            start = {"entity": {"id": row["id"]}, "item": {"items": self._ready_lines(row)}}
        else:
            raise refused(
                400, f"Transform from {record.name} to {target.name} is not available.", code="INVALID_CONTENT"
            )
        merged = {**start, **given}
        if record.name == "invoice" and "apply" not in given:
            merged["apply"] = {"items": [self._application(row, merged, target)]}
        return self.create(target, merged)

    def void(self, row: Row) -> Row:
        """transaction.void(): an invoice nobody has paid or credited; again on a voided one changes nothing."""
        return self.change(RECORD_TYPES["invoice"], row, {"voided": True}, replace=set())

    def _save(self, record: RecordType, row: Row, *, before: Row | None) -> Row:
        row = self._rules.checked(record.name, row, before=before)
        if record.name == "customerSubsidiaryRelationship":
            pair = f"{row['entity']['id']}:{row['subsidiary']['id']}"
            self._ledger.put(VENDOR, "_relationship", pair, {"id": row["id"]})
        if before is not None:
            self._dependents.subtract(_references(before))
        self._dependents.update(_references(row))
        self._store(record.name, row)
        self._rules.settled(record.name, row, before=before, store=self._store)
        return row

    def _store(self, kind: str, row: Row) -> None:
        moment = iso_s()
        row.setdefault("createdDate", moment)
        row[_MADE_BY_US] = moment
        business = row.get(self._business_keys.get(kind.lower(), ""))
        self._ledger.put(
            VENDOR, kind, row["id"], row, key=row.get("externalId"), business=_apart(business, row.get("externalId"))
        )

    def _ready_lines(self, job: Row) -> list[Row]:
        ready = [
            charge
            for charge in self._ledger.table(VENDOR, "charge").rows.values()
            if charge["billTo"]["id"] == job["id"] and charge["stage"]["id"] == "READY_FOR_BILLING"
        ]
        if not ready:
            raise user_error("There is nothing to bill for this project.")
        return [
            {
                "item": charge.get("billingItem") or {"id": "101"},
                "amount": charge.get("amount"),
                "description": charge.get("description"),
                "charge": {"id": charge["id"]},
            }
            for charge in ready
        ]

    def _application(self, invoice: Row, merged: Row, target: RecordType) -> Row:
        """The new credit or payment settles the invoice it came from, as far as both reach."""
        amount = merged.get("payment")
        if target.name == "creditMemo":
            draft = self._bodies.read(target, {k: v for k, v in merged.items() if k != "apply"}, strict_names=False)
            amount = self._rules.draft_total(draft)
        return {
            "doc": {"id": invoice["id"]},
            "apply": True,
            "amount": min(float(amount or 0), invoice["amountRemaining"]),
        }

    def _customer_of(self, invoice: Row) -> Row:
        if invoice["entity"]["type"] == "customer":
            return {"id": invoice["entity"]["id"]}
        job = self._ledger.table(VENDOR, "job").rows[invoice["entity"]["id"]]
        if not job.get("parent"):
            raise user_error("The project has no customer to pay for it.")
        return {"id": job["parent"]["id"]}


def _require(record: RecordType, row: Row) -> None:
    missing = [name for name in record.required if row.get(name) in (None, "", [])]
    if missing:
        names = ", ".join(LABELS.get(name, name.capitalize()) for name in missing)
        raise user_error(f"Please enter value(s) for: {names}.", path=missing[0])


def _references(row: Row) -> Iterator[tuple[str, str]]:
    for name in ("entity", "billTo", "project", "parent", "customer", "createdFrom"):
        value = row.get(name)
        if isinstance(value, dict) and "type" in value:
            yield value["type"], value["id"]


def _has_applications(row: Row) -> bool:
    return bool(row.get("amountPaid") or row.get("amountCredited"))


def _without(line: Row, *names: str) -> Row:
    return {name: value for name, value in line.items() if name not in names}


def _object(body: Any) -> Row:
    if not isinstance(body, dict):
        raise refused(400, "Invalid content in the request body: expected a JSON object.", code="INVALID_CONTENT")
    return body


def _apart(business: Any, key: Any) -> tuple[str, ...]:
    # A record whose business key is its own external id is one record, not two.
    return (str(business),) if business and business != key else ()
