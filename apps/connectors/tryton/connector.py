"""Tryton as a connector: which verb serves which command, and what Tryton can do."""

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
from apps.connectors.exchange import Exchange, unsupported
from apps.connectors.redaction import Redactor
from apps.connectors.tryton import errors, events, feed, webhook
from apps.connectors.tryton.auth import Sessions, text_of
from apps.connectors.tryton.calls import Calls
from apps.connectors.tryton.customers import Customers
from apps.connectors.tryton.ids import Ids
from apps.connectors.tryton.invoices import Invoices
from apps.connectors.tryton.projects import Projects
from apps.core.errors import BadInput, Failure, Rejected

Verb = Callable[[Calls, Call], Awaitable[Done]]
Finder = Callable[[Calls, Call], Awaitable[Done | None]]


class TrytonConnector:
    """One company of one Tryton database. Secret: login, password, rest_key, ids. Settings: limits only."""

    def __init__(self, system: SystemFacts, http: HttpDoor) -> None:
        self._system = system
        self._http = http
        self._redact = Redactor(system.secret)
        self._rest_key = text_of(system.secret, "rest_key")
        self._sessions = Sessions(system.secret, url=f"{system.base_url}/rpc/", redact=self._redact)
        self._ids = Ids(system.secret.get("ids"))
        settings = system.settings
        self.capabilities = Capabilities(
            idempotency="search_first",
            concurrency="modified_timestamp",
            invoice_create="sync",
            post_separate=True,
            budget=False,
            revenue="read",
            billing_event_model="task_progress",
            change_feed="poll",
            deletes_visible=False,
            throttle_signal="429_plain",
            needs_company_scope=True,
            max_concurrency=int(settings.get("max_concurrency", 4)),
            # Tryton works on a request for up to a minute, whether or not anybody still listens.
            max_in_flight_s=float(settings.get("max_in_flight_s", 70)),
            timeout_s=float(settings.get("timeout_s", 30)),
        )
        self._verbs, self._finders = _tables(self._ids)

    def verify(self, request: Request) -> None:
        webhook.verify(request)

    def split(self, request: Request) -> Sequence[RawEvent]:
        return ()

    def parse(self, body: bytes) -> Envelope | None:
        return events.to_envelope(body)

    async def execute(self, call: Call) -> Answer:
        verb = self._verbs.get(type(call.command))
        if verb is None:
            raise unsupported(f"Tryton ({self._system.code})", call)
        self._ids.check_legal_entity(call.legal_entity)
        return await self._told_as_case(verb(self._calls(call), call))

    async def lookup(self, call: Call) -> Done | None:
        finder = self._finders.get(type(call.command))
        if finder is None:
            return None
        return await self._told_as_case(finder(self._calls(call, looks_up=True), call))

    async def poll(self, handle: str, call: Call) -> Answer:
        """Tryton answers at once; nothing is ever left to ask for."""
        raise Rejected(f"Tryton has no running job {handle!r}.", code="rejected_by_vendor")

    async def changes(self, cursor: str) -> Changes:
        return await feed.changes(self._calls(), cursor, ids=self._ids)

    async def health(self) -> Mapping[str, Any]:
        """Asks both interfaces: the key by reading the company, the password by signing in."""
        calls = self._calls()
        company = await calls.get("company.company", self._ids.company, fields=("rec_name", "currency.code"))
        if company is None:
            raise Rejected(
                f"Tryton shows no company {self._ids.company} to the integration user.", code="permission_denied"
            )
        await calls.call("model.res.user.get_preferences", True)
        return {"company": company.get("rec_name"), "company_id": self._ids.company}

    async def _told_as_case(self, answer: Awaitable[Any]) -> Any:
        """What Tryton holds and nobody can read is a case for a person."""
        try:
            return await answer
        except BadInput as error:
            raise Rejected(f"{error} {error.mend}".strip(), code="payload_unreadable", field=error.path) from error

    def _calls(self, call: Call | None = None, *, looks_up: bool = False) -> Calls:
        timeout_s = self.capabilities.timeout_s
        if call is None:
            exchange = Exchange(self._http, told=self._told, timeout_s=timeout_s)
        else:
            exchange = Exchange(
                self._http,
                told=self._told,
                timeout_s=timeout_s,
                deadline_s=call.deadline_s,
                correlation_id=call.correlation_id,
                is_read=looks_up or call.command.is_read,
            )
        return Calls(
            exchange,
            base_url=self._system.base_url,
            sessions=self._sessions,
            rest_key=self._rest_key,
            context={"company": self._ids.company, "language": "en"},
            redact=self._redact,
        )

    def _told(self, reply: Reply, is_read: bool) -> Failure:
        return errors.told(reply, is_read=is_read, redact=self._redact)


def _tables(ids: Ids) -> tuple[dict[type, Verb], dict[type, Finder]]:
    customers, projects, invoices = Customers(ids), Projects(ids), Invoices(ids)
    verbs: dict[type, Verb] = {
        commands.UpsertCustomer: customers.upsert,
        commands.CreateProject: projects.create,
        commands.UpsertTasks: projects.upsert_tasks,
        commands.SetBudget: projects.set_budget,
        commands.CreateBillingSchedule: projects.create_schedule,
        commands.CancelProject: projects.cancel,
        commands.CancelBillingSchedule: projects.cancel_schedule,
        commands.CreateInvoice: invoices.create,
        commands.PostInvoice: invoices.post,
        commands.ReadInvoice: invoices.read,
        commands.VoidInvoice: invoices.void,
        commands.CreditInvoice: invoices.credit,
        commands.CheckPeriod: invoices.check_period,
    }
    finders: dict[type, Finder] = {
        commands.UpsertCustomer: customers.find,
        commands.CreateProject: projects.find,
        commands.UpsertTasks: projects.find_tasks,
        commands.SetBudget: projects.find_budget,
        commands.CreateBillingSchedule: projects.find_schedule,
        commands.CancelProject: projects.find_cancelled,
        commands.CancelBillingSchedule: projects.find_cancelled_schedule,
        commands.CreateInvoice: invoices.find,
        commands.PostInvoice: invoices.find_posted,
        commands.VoidInvoice: invoices.find_voided,
        commands.CreditInvoice: invoices.find_credit,
    }
    return verbs, finders
