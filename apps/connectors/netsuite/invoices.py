"""Verbs on invoices, credit memos and accounting periods."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from apps.canonical.billing import InvoiceStatus
from apps.canonical.codec import to_json
from apps.canonical.commands import CheckPeriod, CreateInvoice, CreditInvoice, PostInvoice, ReadInvoice, VoidInvoice
from apps.connectors.base import Call, Done
from apps.connectors.exchange import Exchange
from apps.connectors.netsuite import mapping, rows
from apps.connectors.netsuite.mapping import Account
from apps.connectors.netsuite.rows import Query
from apps.connectors.netsuite.service import Service
from apps.core.errors import Rejected

Row = Mapping[str, Any]


class Invoices:
    """An invoice posts when it is saved: creating it is posting it, and undoing it is a void or a credit memo."""

    def __init__(self, service: Service, account: Account) -> None:
        self._service = service
        self._account = account

    async def create(self, exchange: Exchange, call: Call) -> Done:
        """POST and not an upsert: an upsert of an invoice that exists would change it and add its lines once more.

        NetSuite refuses a second record with one external id; whatever it refuses, ours may be there already.
        """
        command = call.of(CreateInvoice)
        if call.attempt > 1 and (found := await self.found(exchange, call)):
            return found
        try:
            ref = await self._service.post(
                exchange, "invoice", body=mapping.to_invoice(command.invoice, account=self._account)
            )
        except Rejected:
            if found := await self.found(exchange, call):
                return found
            raise
        return _done(await self._status(exchange, rows.invoice_by_id(ref), key=ref))

    async def found(self, exchange: Exchange, call: Call) -> Done | None:
        """The invoice under our key; raises Rejected when its total or currency is another."""
        command = call.of(CreateInvoice)
        invoice = command.invoice
        row = await self._row(exchange, rows.invoice_by_key(invoice.id))
        if row is None:
            return None
        status = await self._read(exchange, row)
        if (status.total, status.currency) != (invoice.total, invoice.currency):
            raise Rejected(
                f"NetSuite has the invoice {invoice.id} as {status.number} over {status.total} {status.currency},"
                f" ours is over {invoice.total} {invoice.currency}. Find out which is right before going on.",
                code="duplicate_in_vendor",
                field="total",
            )
        return _done(status)

    async def read(self, exchange: Exchange, call: Call) -> Done:
        """For ReadInvoice, and for PostInvoice: here an invoice that exists is posted, unless it awaits approval."""
        command = call.command
        assert isinstance(command, ReadInvoice | PostInvoice)
        status = await self._status(exchange, rows.invoice_by_id(command.invoice_ref), key=command.invoice_ref)
        if status.state == "draft" and isinstance(command, PostInvoice):
            raise Rejected(
                f"NetSuite: invoice {status.number} awaits approval there. Approve it in NetSuite, then replay.",
                code="rejected_by_vendor",
                field="state",
            )
        return _done(status)

    async def void(self, exchange: Exchange, call: Call) -> Done:
        """By our RESTlet: REST records cannot be voided. Voiding a voided invoice changes nothing."""
        command = call.of(VoidInvoice)
        body = {"action": "void", "type": "invoice", "id": command.invoice_ref}
        await self._service.restlet(exchange, body, what="voiding an invoice")
        return _done(await self._status(exchange, rows.invoice_by_id(command.invoice_ref), key=command.invoice_ref))

    async def voided(self, exchange: Exchange, call: Call) -> Done | None:
        command = call.of(VoidInvoice)
        row = await self._row(exchange, rows.invoice_by_id(command.invoice_ref))
        status = await self._read(exchange, row) if row is not None else None
        return _done(status) if status is not None and status.state == "voided" else None

    async def credit(self, exchange: Exchange, call: Call) -> Done:
        """The invoice turned into a credit memo over all of it, posted and applied to it."""
        command = call.of(CreditInvoice)
        if call.attempt > 1 and (found := await self.credited(exchange, call)):
            return found
        body = mapping.to_credit(command, account=self._account)
        try:
            await self._service.post(exchange, "invoice", command.invoice_ref, "!transform", "creditMemo", body=body)
        except Rejected:
            if found := await self.credited(exchange, call):
                return found
            raise
        made = await self.credited(exchange, call)
        if made is None:
            raise Rejected(
                f"NetSuite took the credit memo {command.credit_memo_id} and does not show it.",
                code="rejected_by_vendor",
            )
        return made

    async def credited(self, exchange: Exchange, call: Call) -> Done | None:
        """The credit memo under our key and what it left of the invoice; raises Rejected when the amounts differ."""
        command = call.of(CreditInvoice)
        memo = await self._row(exchange, rows.credit_by_key(command.credit_memo_id))
        if memo is None:
            return None
        status = await self._status(
            exchange,
            rows.invoice_by_id(command.invoice_ref),
            key=command.invoice_ref,
            credited=abs(rows.decimal(memo, "foreigntotal")),
        )
        if abs(rows.decimal(memo, "foreigntotal")) != status.total:
            raise Rejected(
                f"NetSuite has the credit memo {rows.text(memo, 'tranid')} over {abs(rows.decimal(memo, 'foreigntotal'))},"
                f" the invoice {status.number} is over {status.total}.",
                code="duplicate_in_vendor",
                field="total",
            )
        return Done(
            ref=rows.text(memo, "id"),
            version=rows.text(memo, "modified"),
            payload={"number": rows.text(memo, "tranid"), "invoice": to_json(status)},
        )

    async def check_period(self, exchange: Exchange, call: Call) -> Done:
        command = call.of(CheckPeriod)
        periods = await self._service.rows(exchange, rows.period_of(command.day))
        if not periods:
            return Done(payload={"state": "closed", "period": ""})
        subsidiary = await self._service.subsidiary_id(exchange, command.legal_entity)
        ref = rows.text(periods[0], "id")
        locks = await self._service.rows(exchange, rows.receivables_lock(ref, subsidiary))
        return Done(
            ref=ref,
            payload={"state": rows.period_state(periods[0], locks), "period": rows.text(periods[0], "periodname")},
        )

    async def statuses(self, exchange: Exchange, found: list[dict[str, Any]]) -> list[InvoiceStatus]:
        """Many invoices at once; what was credited is asked for in one query."""
        credited = await self._credited(
            exchange, [rows.text(row, "externalid") for row in found if row.get("status") == "B"]
        )
        return [
            rows.to_invoice_status(
                row,
                currency=await self._service.currency_code(exchange, rows.text(row, "currency")),
                credited=credited.get(rows.text(row, "externalid"), Decimal(0)),
            )
            for row in found
        ]

    async def _status(
        self, exchange: Exchange, query: Query, *, key: str, credited: Decimal | None = None
    ) -> InvoiceStatus:
        row = await self._row(exchange, query)
        if row is None:
            raise Rejected(
                f"NetSuite has no invoice {key}. It was deleted there, or belongs to another account.",
                code="rejected_by_vendor",
            )
        return await self._read(exchange, row, credited=credited)

    async def _read(self, exchange: Exchange, row: Row, *, credited: Decimal | None = None) -> InvoiceStatus:
        if credited is None and row.get("status") == "B":
            key = rows.text(row, "externalid")
            credited = (await self._credited(exchange, [key])).get(key)
        currency = await self._service.currency_code(exchange, rows.text(row, "currency"))
        return rows.to_invoice_status(row, currency=currency, credited=credited or Decimal(0))

    async def _credited(self, exchange: Exchange, keys: list[str]) -> dict[str, Decimal]:
        field = self._account.fields["credit_reference"]
        wanted = [key for key in keys if key]
        if not field or not wanted:
            return {}
        sums: dict[str, Decimal] = {}
        for row in await self._service.rows(exchange, rows.credits_of(wanted, field=field)):
            key = rows.text(row, "reference")
            sums[key] = sums.get(key, Decimal(0)) + abs(rows.decimal(row, "foreigntotal"))
        return sums

    async def _row(self, exchange: Exchange, query: Query) -> Row | None:
        found = await self._service.rows(exchange, query)
        return found[0] if found else None


def _done(status: InvoiceStatus) -> Done:
    return Done(ref=status.ref, version=status.version, payload=to_json(status))
