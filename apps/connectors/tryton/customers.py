"""The customer in Tryton: created whole, or changed in what differs."""

from apps.canonical.commands import UpsertCustomer
from apps.connectors.base import Call, Done
from apps.connectors.tryton import mapping
from apps.connectors.tryton.calls import Calls, Record
from apps.connectors.tryton.ids import Ids
from apps.core.errors import Rejected


class Customers:
    """Verbs for parties."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids

    async def upsert(self, calls: Calls, call: Call) -> Done:
        """Created first: Tryton keeps the code unique and refuses a second one by itself, whoever is faster."""
        command = call.of(UpsertCustomer)
        try:
            await calls.create(mapping.PARTY, [mapping.to_new_party(command, ids=self._ids)])
        except Rejected as error:
            if error.code != "duplicate_in_vendor":
                raise
            await self._change(calls, command)
        party = await self._party(calls, command) or {}
        return Done(ref=str(party.get("id", "")), version=mapping.version_of(party))

    async def find(self, calls: Calls, call: Call) -> Done | None:
        """The customer, if Tryton shows it as the command says."""
        command = call.of(UpsertCustomer)
        party = await self._party(calls, command)
        if party is None or _differences(party, command, ids=self._ids):
            return None
        return Done(ref=str(party["id"]), version=mapping.version_of(party))

    async def _change(self, calls: Calls, command: UpsertCustomer) -> None:
        party = await self._party(calls, command)
        if party is None:
            raise Rejected(
                f"Tryton has a customer {command.customer_id} that the integration user may not see, or an inactive one.",
                code="duplicate_in_vendor",
                field="customer_id",
            )
        for model, ref, values in _differences(party, command, ids=self._ids):
            if ref:
                await calls.write(model, [ref], values)
            else:
                await calls.create(model, [values | {"party": party["id"]}])

    async def _party(self, calls: Calls, command: UpsertCustomer) -> Record | None:
        domain = mapping.party_by_key(command.customer_id)
        found = await calls.find(mapping.PARTY, domain, fields=mapping.PARTY_FIELDS, limit=1)
        return found[0] if found else None


def _differences(party: Record, command: UpsertCustomer, *, ids: Ids) -> list[tuple[str, int, Record]]:
    """What is to be written: model, record (0 for a new one) and values."""
    bill_to = command.account.bill_to
    found = [(mapping.PARTY, party, mapping.to_party(command, ids=ids))]
    if bill_to:
        found.append((mapping.ADDRESS, mapping.first(party, "addresses") or {}, mapping.to_address(bill_to, ids=ids)))
    if bill_to and bill_to.email:
        email = next(iter(mapping.emails(party)), {})
        found.append((mapping.CONTACT, email, mapping.to_email(bill_to.email)))
    if command.account.tax_id:
        identifier = mapping.first(party, "identifiers") or {}
        found.append((mapping.IDENTIFIER, identifier, mapping.to_identifier(command.account.tax_id)))
    return [
        (model, int(record.get("id", 0)), values)
        for model, record, wanted in found
        if (values := mapping.changed(record, wanted))
    ]
