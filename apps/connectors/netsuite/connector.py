"""NetSuite's verbs by command; how each is done stands in projects.py and invoices.py."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from apps.canonical import commands
from apps.canonical.events import Envelope
from apps.connectors.base import (
    Answer,
    Call,
    Capabilities,
    Changes,
    Done,
    HttpDoor,
    RawEvent,
    Reply,
    Request,
    SystemFacts,
)
from apps.connectors.exchange import Exchange, Verb, performed, unsupported
from apps.connectors.inbound import secrets_of
from apps.connectors.netsuite import errors, feed, mapping, webhook
from apps.connectors.netsuite.auth import Tokens
from apps.connectors.netsuite.invoices import Invoices
from apps.connectors.netsuite.projects import Projects
from apps.connectors.netsuite.service import Service
from apps.connectors.redaction import Redactor
from apps.core.errors import BadInput, Failure, Misconfigured, Rejected

Look = Callable[[Exchange, Call], Awaitable[Done | None]]


class NetSuiteConnector:
    """One NetSuite account. Settings: see README.md."""

    def __init__(self, system: SystemFacts, http: HttpDoor) -> None:
        settings = system.settings
        account = mapping.account_of(settings, system.names)
        self._system = system
        self._http = http
        self._redact = Redactor(system.secret)
        self._wording = errors.wording(settings)
        self._tokens = Tokens(system, http)
        self._service = Service(system)
        self._invoices = Invoices(self._service, account)
        self._overlap_s = float(settings.get("overlap_s", feed.OVERLAP_S))
        self.capabilities = Capabilities(
            idempotency="external_id_upsert",
            concurrency="modified_timestamp",
            invoice_create="sync",
            post_separate=False,
            budget=self._service.has_restlet,
            revenue="none",
            billing_event_model="charge",
            change_feed="poll",
            throttle_signal="429_plain",
            max_concurrency=int(settings.get("max_concurrency", 15)),
            max_in_flight_s=float(settings.get("max_in_flight_s", 300)),
            timeout_s=float(settings.get("timeout_s", 60)),
        )
        self._verbs, self._looks = _tables(Projects(self._service, account), self._invoices)

    def verify(self, request: Request) -> None:
        webhook.verify(request, secrets=secrets_of(self._system.secret, "webhook_secret", "previous_webhook_secret"))

    def split(self, request: Request) -> Sequence[RawEvent]:
        return webhook.split(request)

    def parse(self, body: bytes) -> Envelope | None:
        return webhook.to_envelope(body)

    async def execute(self, call: Call) -> Answer:
        verb = self._verbs.get(type(call.command))
        if verb is None:
            raise unsupported(f"NetSuite ({self._system.code})", call)
        return await self._signed_in(verb, call, is_read=call.command.is_read)

    async def lookup(self, call: Call) -> Done | None:
        look = self._looks.get(type(call.command))
        if look is None:
            # A change of one field: doing it again is doing it once.
            return None
        return await self._signed_in(look, call, is_read=True)

    async def poll(self, handle: str, call: Call) -> Answer:
        """Records are written while we wait; nothing is ever left to ask for."""
        raise Rejected(f"NetSuite has no running job {handle!r}.", code="rejected_by_vendor")

    async def changes(self, cursor: str) -> Changes:
        exchange = Exchange(self._http, told=self._told, timeout_s=self.capabilities.timeout_s)
        exchange.headers["Authorization"] = f"Bearer {await self._tokens.get()}"
        try:
            return await feed.changes(
                exchange, cursor, service=self._service, invoices=self._invoices, overlap_s=self._overlap_s
            )
        except BadInput as error:
            raise Rejected(f"{error} {error.mend}", code="payload_unreadable", field=error.path) from error

    async def health(self) -> Mapping[str, Any]:
        exchange = Exchange(self._http, told=self._told, timeout_s=self.capabilities.timeout_s)
        exchange.headers["Authorization"] = f"Bearer {await self._tokens.get()}"
        found = await self._service.rows(exchange, ("SELECT id, name FROM subsidiary", []))
        return {"subsidiaries": len(found), "budget": self.capabilities.budget}

    async def _signed_in(self, work: Any, call: Call, *, is_read: bool) -> Any:
        """Do it with a token; once more with a new one when the old one is refused, for then nothing was done."""
        exchange = Exchange(
            self._http,
            told=self._told,
            timeout_s=self.capabilities.timeout_s,
            deadline_s=call.deadline_s,
            correlation_id=call.correlation_id,
            is_read=is_read,
        )
        try:
            return await self._with_token(work, exchange, call)
        except Misconfigured as error:
            if error.code != "credentials_expired" or not self._tokens.drop_if_old():
                raise
        return await self._with_token(work, exchange, call)

    async def _with_token(self, work: Any, exchange: Exchange, call: Call) -> Any:
        exchange.headers["Authorization"] = f"Bearer {await self._tokens.get(timeout_s=exchange.left_s)}"
        return await performed(work, exchange, call)

    def _told(self, reply: Reply, is_read: bool) -> Failure:
        return errors.told(reply, is_read=is_read, redact=self._redact, wording=self._wording)


def _tables(projects: Projects, invoices: Invoices) -> tuple[Mapping[type, Verb], Mapping[type, Look]]:
    verbs: dict[type, Verb] = {
        commands.UpsertCustomer: projects.upsert_customer,
        commands.CreateProject: projects.create_project,
        commands.UpsertTasks: projects.upsert_tasks,
        commands.SetBudget: projects.set_budget,
        commands.CreateBillingSchedule: projects.create_schedule,
        commands.CancelProject: projects.cancel_project,
        commands.CancelBillingSchedule: projects.cancel_schedule,
        commands.CreateInvoice: invoices.create,
        commands.PostInvoice: invoices.read,
        commands.ReadInvoice: invoices.read,
        commands.VoidInvoice: invoices.void,
        commands.CreditInvoice: invoices.credit,
        commands.CheckPeriod: invoices.check_period,
    }
    looks: dict[type, Look] = {
        commands.UpsertCustomer: projects.customer_found,
        commands.CreateProject: projects.project_found,
        commands.UpsertTasks: projects.tasks_found,
        commands.SetBudget: projects.budget_found,
        commands.CreateBillingSchedule: projects.schedule_found,
        commands.CreateInvoice: invoices.found,
        commands.PostInvoice: invoices.read,
        commands.VoidInvoice: invoices.voided,
        commands.CreditInvoice: invoices.credited,
    }
    return verbs, looks
