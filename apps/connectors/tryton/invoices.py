"""Invoices in Tryton: drafted, posted, read, voided, credited; and whether a period is open."""

from apps.canonical.billing import InvoiceStatus
from apps.canonical.codec import to_json
from apps.canonical.commands import CheckPeriod, CreateInvoice, CreditInvoice, PostInvoice, ReadInvoice, VoidInvoice
from apps.connectors.base import Call, Done
from apps.connectors.tryton import invoice_mapping as mapping
from apps.connectors.tryton.calls import Calls, Record
from apps.connectors.tryton.ids import Ids
from apps.connectors.tryton.mapping import PARTY, WORK, WORK_FIELDS, ref_of
from apps.core.errors import Rejected


class Invoices:
    """Verbs for account.invoice."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids

    async def create(self, calls: Calls, call: Call) -> Done:
        """A draft, unless the key is there already. A draft with other totals than asked for is taken back."""
        command = call.of(CreateInvoice)
        found = await self.find(calls, call)
        if found is not None:
            return found
        invoice = command.invoice
        customer = ref_of(invoice.customer_ref, field="customer_ref")
        address = mapping.address_of(await calls.get(PARTY, customer, fields=mapping.PARTY_FIELDS))
        milestones = await self._milestones(calls, command)
        draft = mapping.to_invoice(invoice, customer=customer, address=address, milestones=milestones, ids=self._ids)
        (ref,) = await calls.create(mapping.INVOICE, [draft])
        status = mapping.to_status(await self._record(calls, str(ref)))
        try:
            mapping.check_totals(invoice, status)
        except Rejected as error:
            await calls.delete(mapping.INVOICE, [ref])
            raise Rejected(f"{error} The draft was taken back.", code="rejected_by_vendor", field="total") from error
        return _done(status)

    async def find(self, calls: Calls, call: Call) -> Done | None:
        """The invoice under the key; raises Rejected when there are two or its totals differ."""
        command = call.of(CreateInvoice)
        domain = mapping.invoice_by_key(command.invoice.id)
        found = await calls.find(mapping.INVOICE, domain, fields=mapping.INVOICE_FIELDS, limit=2)
        if len(found) > 1:
            raise Rejected(
                f"Tryton has two invoices with the reference {command.invoice.id}. Void one of them there.",
                code="duplicate_in_vendor",
                field="invoice.id",
            )
        if not found:
            return None
        status = mapping.to_status(found[0])
        mapping.check_totals(command.invoice, status)
        return _done(status)

    async def post(self, calls: Calls, call: Call) -> Done:
        """Number it and book it. Tryton refuses a second time, so what is posted is left alone."""
        command = call.of(PostInvoice)
        found = await self.find_posted(calls, call)
        if found is not None:
            return found
        ref = ref_of(command.invoice_ref, field="invoice_ref")
        await calls.press(mapping.INVOICE, "post", [ref], version=call.expected_version)
        return _done(mapping.to_status(await self._record(calls, command.invoice_ref)))

    async def find_posted(self, calls: Calls, call: Call) -> Done | None:
        """The invoice, if it is posted; raises Rejected when it is cancelled."""
        command = call.of(PostInvoice)
        status = mapping.to_status(await self._record(calls, command.invoice_ref))
        if status.state in ("voided", "credited"):
            raise Rejected(
                f"Tryton's invoice {command.invoice_ref} is {status.state}. Create a new one.",
                code="rejected_by_vendor",
            )
        return None if status.state == "draft" else _done(status)

    async def read(self, calls: Calls, call: Call) -> Done:
        """The invoice as it is now."""
        command = call.of(ReadInvoice)
        return _done(mapping.to_status(await self._record(calls, command.invoice_ref)))

    async def void(self, calls: Calls, call: Call) -> Done:
        """Cancel a draft and let its milestones be billed again."""
        command = call.of(VoidInvoice)
        status = mapping.to_status(await self._record(calls, command.invoice_ref))
        if status.state not in ("draft", "voided"):
            raise Rejected(
                f"Tryton's invoice {status.number} is {status.state}; only a draft can be voided. Credit it instead.",
                code="rejected_by_vendor",
                field="state",
            )
        ref = ref_of(command.invoice_ref, field="invoice_ref")
        if status.state == "draft":
            await calls.press(mapping.INVOICE, "cancel", [ref], version=call.expected_version)
        await self._release(calls, ref)
        return _done(mapping.to_status(await self._record(calls, command.invoice_ref)))

    async def find_voided(self, calls: Calls, call: Call) -> Done | None:
        """The invoice, if it is cancelled and its milestones are free."""
        command = call.of(VoidInvoice)
        status = mapping.to_status(await self._record(calls, command.invoice_ref))
        free = not await self._shares(calls, ref_of(command.invoice_ref, field="invoice_ref"))
        return _done(status) if status.state == "voided" and free else None

    async def credit(self, calls: Calls, call: Call) -> Done:
        """A credit note over the whole, posted and set off by Tryton's own wizard in one transaction.

        Tryton refuses to credit an invoice twice, and the credit note names its origin: that is its key.
        """
        command = call.of(CreditInvoice)
        ref = ref_of(command.invoice_ref, field="invoice_ref")
        if not await self._credits(calls, ref):
            _check_creditable(await self._record(calls, command.invoice_ref))
            form = mapping.to_credit(command.credit_date)
            await calls.run_wizard(mapping.CREDIT_WIZARD, on=mapping.INVOICE, ref=ref, state="credit", form=form)
        await self._release(calls, ref)
        found = await self.find_credit(calls, call)
        assert found is not None
        return found

    async def find_credit(self, calls: Calls, call: Call) -> Done | None:
        """The credit note of the invoice, if there is one and the milestones are free again."""
        command = call.of(CreditInvoice)
        ref = ref_of(command.invoice_ref, field="invoice_ref")
        notes = await self._credits(calls, ref)
        if not notes or await self._shares(calls, ref):
            return None
        note = mapping.to_status(notes[0])
        invoice = mapping.to_status(await self._record(calls, command.invoice_ref))
        payload = {"number": note.number, "invoice": to_json(invoice)}
        return Done(ref=note.ref, version=note.version, payload=payload)

    async def check_period(self, calls: Calls, call: Call) -> Done:
        """Whether the period of a day takes postings."""
        command = call.of(CheckPeriod)
        domain = mapping.period_of(command.day, ids=self._ids)
        found = await calls.find(mapping.PERIOD, domain, fields=mapping.PERIOD_FIELDS, limit=1)
        record = found[0] if found else None
        return Done(ref=str(record["id"]) if record else "", payload=dict(mapping.to_period(record)))

    async def _record(self, calls: Calls, invoice_ref: str) -> Record:
        ref = ref_of(invoice_ref, field="invoice_ref")
        record = await calls.get(mapping.INVOICE, ref, fields=mapping.INVOICE_FIELDS)
        if record is None:
            raise Rejected(
                f"Tryton has no invoice {invoice_ref}. Somebody deleted it, or the reference is of another system.",
                code="crosswalk_missing",
                field="invoice_ref",
            )
        return record

    async def _milestones(self, calls: Calls, command: CreateInvoice) -> dict[str, Record]:
        wanted = {line.milestone_ref for line in command.invoice.lines if line.milestone_ref}
        refs = [ref_of(ref, field="lines.milestone_ref") for ref in sorted(wanted)]
        found = await calls.find(WORK, [["id", "in", refs]], fields=WORK_FIELDS, limit=len(refs)) if refs else []
        milestones = {str(record["id"]): record for record in found}
        if missing := wanted - milestones.keys():
            raise Rejected(
                f"Tryton has no milestone {', '.join(sorted(missing))}. Replay the step of the billing schedule.",
                code="crosswalk_missing",
                field="lines.milestone_ref",
            )
        return milestones

    async def _credits(self, calls: Calls, ref: int) -> list[Record]:
        return await calls.find(mapping.INVOICE, mapping.credits_of(ref), fields=mapping.INVOICE_FIELDS)

    async def _shares(self, calls: Calls, ref: int) -> list[int]:
        found = await calls.find(mapping.SHARE, mapping.shares_of(ref), fields=("id",), limit=1000)
        return [int(record["id"]) for record in found]

    async def _release(self, calls: Calls, ref: int) -> None:
        """Neither cancelling nor crediting frees a milestone in Tryton; what was billed of it is taken back here."""
        await calls.delete(mapping.SHARE, await self._shares(calls, ref))


def _check_creditable(record: Record) -> None:
    status = mapping.to_status(record)
    if status.state != "posted" or mapping.is_settled(record):
        raise Rejected(
            f"Tryton's invoice {status.number or status.ref} is {status.state}; only a posted one that nobody has paid can be "
            "credited as a whole. Take the payment back first, or void the draft.",
            code="rejected_by_vendor",
            field="state",
        )


def _done(status: InvoiceStatus) -> Done:
    return Done(ref=status.ref, version=status.version, payload=to_json(status))
