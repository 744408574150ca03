"""Deals, companies, contacts and line items: create, change, read, archive."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from apps.sandbox.clock import iso_ms
from apps.sandbox.hubspot.associations import Associations
from apps.sandbox.hubspot.errors import invalid, not_found, refused
from apps.sandbox.hubspot.properties import Properties
from apps.sandbox.hubspot.schema import DEFAULT_READ, MODIFIED, stage_facts
from apps.sandbox.hubspot.webhooks import Announcer
from apps.sandbox.ledger import Ledger, Row

VENDOR = "hubspot"


class Objects:
    """The CRM's records. `source` of a change: CRM for a person, INTEGRATION for a caller of the API."""

    def __init__(
        self, ledger: Ledger, *, properties: Properties, associations: Associations, announcer: Announcer
    ) -> None:
        self._ledger = ledger
        self._properties = properties
        self._associations = associations
        self._announcer = announcer
        self._holders: dict[tuple[str, str, str], str] = {}

    def reload(self) -> None:
        """Learn again who holds which unique value."""
        self._holders.clear()
        for kind in DEFAULT_READ:
            for row_id, row in self._ledger.table(VENDOR, kind).rows.items():
                self._hold(kind, row_id, row["properties"])

    def create(self, kind: str, spec: Any, *, source: str = "INTEGRATION") -> Row:
        if not isinstance(spec, dict):
            raise invalid("expected an object with properties")
        given = self._properties.accept(kind, spec.get("properties") or {})
        if kind == "deals" and not given.get("dealname"):
            raise invalid(
                "Error creating DEAL. Some required properties were not set.", context={"properties": ["dealname"]}
            )
        self._refuse_taken(kind, given, row_id=None)
        links = self._associations.requested(kind, spec.get("associations") or [])
        row_id = self._ledger.next_id(VENDOR, "objects", start=1001)
        row = self._write(kind, row_id, before=None, given=given)
        for to_kind, to_id in links:
            self._associations.link(kind, row_id, to_kind, to_id)
        self._announcer.created(kind, row_id, source=source)
        return row

    def change(self, kind: str, row_id: str, given: Any, *, source: str = "INTEGRATION") -> Row:
        """Only values that differ are announced, but every write moves the modification date."""
        before = self.live(kind, row_id)
        taken = self._properties.accept(kind, given)
        self._refuse_taken(kind, taken, row_id=row_id)
        row = self._write(kind, row_id, before=before, given=taken)
        old, new = before["properties"], row["properties"]
        changes = {name: value for name, value in new.items() if old.get(name) != value}
        self._announcer.changed(kind, row_id, changes=changes, source=source)
        return row

    def archive(self, kind: str, row_id: str, *, source: str = "INTEGRATION") -> None:
        row = self._ledger.get(VENDOR, kind, row_id)
        if row is None or row["archived"]:
            return
        self._release(kind, row_id, row["properties"])
        self._ledger.put(VENDOR, kind, row_id, {**row, "archived": True, "archivedAt": iso_ms()})
        self._announcer.deleted(kind, row_id, source=source)

    def live(self, kind: str, row_id: str) -> Row:
        row = self._ledger.get(VENDOR, kind, row_id)
        if row is None or row["archived"]:
            raise not_found(kind, row_id)
        return row

    def resolve(self, kind: str, given: str, *, id_property: str) -> str:
        """The object id behind a given id, which may be the value of a unique property."""
        found = self.holder(kind, given, id_property=id_property)
        if found is None:
            raise not_found(kind, given)
        return found

    def holder(self, kind: str, given: str, *, id_property: str) -> str | None:
        if not id_property or id_property == "hs_object_id":
            row = self._ledger.get(VENDOR, kind, given)
            return None if row is None or row["archived"] else given
        if id_property not in self._properties.unique_names(kind):
            raise invalid(f"Property '{id_property}' is not a unique property of {kind}; idProperty needs one")
        return self._holders.get((kind, id_property, given.lower()))

    def shown(self, kind: str, row: Row, *, properties: Iterable[str] = (), associations: Iterable[str] = ()) -> Row:
        """The record as the API prints it: asked properties (null when unset) beside the ever-present ones."""
        stored = row["properties"]
        names = tuple(properties) or DEFAULT_READ[kind]
        modified = MODIFIED.get(kind, "hs_lastmodifieddate")
        shown = {name: stored.get(name) or None for name in names}
        shown.update(createdate=stored["createdate"], hs_object_id=row["id"])
        shown[modified] = stored[modified]
        made = {"id": row["id"], "properties": shown, "createdAt": row["createdAt"], "updatedAt": row["updatedAt"]}
        made["archived"] = row["archived"]
        linked = self._associations.shown(kind, row["id"], wanted=associations)
        if linked:
            made["associations"] = linked
        return made

    def _write(self, kind: str, row_id: str, *, before: Row | None, given: dict[str, str]) -> Row:
        moment = iso_ms()
        properties = {**before["properties"], **given} if before else dict(given)
        if before is None:
            properties.update(createdate=moment, hs_object_id=row_id)
            if kind == "deals":
                properties = {"pipeline": "default", "dealstage": "appointmentscheduled", **properties}
        if kind == "deals":
            properties.update(stage_facts(properties["dealstage"]) or {})
        if kind == "line_items" and "amount" not in given:
            properties.update(_line_amount(properties))
        properties[MODIFIED.get(kind, "hs_lastmodifieddate")] = moment
        row = {"id": row_id, "properties": properties, "createdAt": before["createdAt"] if before else moment}
        row.update(updatedAt=moment, archived=False)
        if before:
            self._release(kind, row_id, before["properties"])
        self._hold(kind, row_id, properties)
        keys = [properties[name] for name in self._properties.unique_names(kind) if properties.get(name)]
        return self._ledger.put(VENDOR, kind, row_id, row, business=keys)

    def _refuse_taken(self, kind: str, given: dict[str, str], *, row_id: str | None) -> None:
        for name in self._properties.unique_names(kind):
            value = given.get(name)
            holder = self._holders.get((kind, name, value.lower())) if value else None
            if holder not in (None, row_id):
                message = (
                    f"Cannot set PropertyValueCoordinates: {name}={value} on {row_id}. {holder} already has that value."
                )
                raise refused(409, message, category="CONFLICT", context={"id": [holder], "propertyName": [name]})

    def _hold(self, kind: str, row_id: str, properties: dict[str, str]) -> None:
        for name in self._properties.unique_names(kind):
            if value := properties.get(name):
                self._holders[kind, name, value.lower()] = row_id

    def _release(self, kind: str, row_id: str, properties: dict[str, str]) -> None:
        for name in self._properties.unique_names(kind):
            value = (properties.get(name) or "").lower()
            if self._holders.get((kind, name, value)) == row_id:
                del self._holders[kind, name, value]


def _line_amount(properties: dict[str, str]) -> dict[str, str]:
    if not (properties.get("price") and properties.get("quantity")):
        return {}
    gross = Decimal(properties["price"]) * Decimal(properties["quantity"])
    return {"amount": format(gross - Decimal(properties.get("discount") or 0), "f")}
