"""Verbs for any system that takes and sends signed CloudEvents: announce, ask for tax, listen."""

from collections.abc import Mapping, Sequence
from typing import Any

from apps.canonical.commands import Announce, RequestTaxProfile, RequestTaxQuote
from apps.canonical.events import Envelope
from apps.connectors import standard_webhooks
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
from apps.connectors.redaction import Redactor
from apps.connectors.webhooks import auth, errors, events, mapping, webhook
from apps.core import clock
from apps.core.errors import Failure, Misconfigured, Rejected


class WebhooksConnector:
    """One system on CloudEvents. Settings: source (ours, default /tieout), health_path (default none)."""

    def __init__(self, system: SystemFacts, http: HttpDoor) -> None:
        self._system = system
        self._http = http
        self._name = system.code
        self._source = str(system.settings.get("source", mapping.SOURCE))
        self._redact = Redactor(system.secret)
        self._secrets = auth.all_secrets(system.secret, system=system.code)
        self._secret = auth.present_secret(system.secret, system=system.code)
        self.capabilities = Capabilities(
            idempotency="event_id",
            concurrency="none",
            change_feed="webhook_signed",
            max_concurrency=int(system.settings.get("max_concurrency", 20)),
            max_in_flight_s=float(system.settings.get("max_in_flight_s", 30)),
            timeout_s=float(system.settings.get("timeout_s", 15)),
        )
        self._verbs: Mapping[type, Verb] = {
            Announce: self._announce,
            RequestTaxProfile: self._request_tax_profile,
            RequestTaxQuote: self._request_tax_quote,
        }

    def verify(self, request: Request) -> None:
        webhook.verify(request, secrets=self._secrets)

    def split(self, request: Request) -> Sequence[RawEvent]:
        return webhook.split(request)

    def parse(self, body: bytes) -> Envelope | None:
        return events.to_envelope(body)

    async def execute(self, call: Call) -> Answer:
        verb = self._verbs.get(type(call.command))
        if verb is None:
            raise unsupported(self._name, call)
        return await performed(verb, self._exchange(call), call)

    async def lookup(self, call: Call) -> Done | None:
        """Nothing can be asked for here, and nothing need be: the event's id makes sending it again safe."""
        return None

    async def poll(self, handle: str, call: Call) -> Answer:
        """Events are taken or refused at once; nothing is ever left to ask for."""
        raise Rejected(f"{self._name} has no running job {handle!r}.", code="rejected_by_vendor")

    async def changes(self, cursor: str) -> Changes:
        """Such a system tells us by itself."""
        return Changes(events=(), cursor=cursor)

    async def health(self) -> Mapping[str, Any]:
        """Asks `health_path` where the settings name one; an event sent only to see whether it arrives would be stored."""
        path = self._system.settings.get("health_path")
        if not path:
            return {"checked": False, "reason": "no health_path is set"}
        exchange = Exchange(self._http, told=self._told, timeout_s=self.capabilities.timeout_s)
        reply = await exchange.send("GET", f"{self._system.base_url}{path}")
        return {"checked": True, "status": reply.status}

    async def _announce(self, exchange: Exchange, call: Call) -> Done:
        reply = await self._deliver(exchange, call)
        return Done(ref=call.idempotency_key, payload=self._answer(reply) if reply.body else {})

    async def _request_tax_profile(self, exchange: Exchange, call: Call) -> Done:
        reply = await self._deliver(exchange, call)
        return Done(ref=call.idempotency_key, payload=mapping.to_tax_profile(self._answered(reply)))

    async def _request_tax_quote(self, exchange: Exchange, call: Call) -> Done:
        reply = await self._deliver(exchange, call)
        return Done(ref=call.idempotency_key, payload=mapping.to_tax_quote(self._answered(reply)))

    async def _deliver(self, exchange: Exchange, call: Call) -> Reply:
        command = call.of(Announce)
        now = clock.now()
        body = mapping.to_event(
            command, event_id=call.idempotency_key, at=now, source=self._source, correlation_id=call.correlation_id
        )
        signed = standard_webhooks.signed_headers(
            self._secret, message_id=call.idempotency_key, at_s=int(now.timestamp()), body=body
        )
        return await exchange.send(
            "POST", self._system.base_url, data=body, headers={"Content-Type": mapping.CONTENT_TYPE, **signed}
        )

    def _answered(self, reply: Reply) -> dict[str, Any]:
        if not reply.body:
            raise Rejected(f"{self._name} took the question and answered nothing.", code="tax_undeterminable")
        return self._answer(reply)

    def _answer(self, reply: Reply) -> dict[str, Any]:
        """The answering event's data, believed only with a signature of its own."""
        try:
            standard_webhooks.check(reply.headers, body=reply.body, secrets=self._secrets)
        except Rejected as error:
            raise Misconfigured(
                f"{self._name}: its answer cannot be believed: {error} Check that both sides hold the same secret.",
                code="credentials_expired",
            ) from error
        return mapping.answer_data(reply.body)

    def _exchange(self, call: Call) -> Exchange:
        return Exchange(
            self._http,
            told=self._told,
            timeout_s=self.capabilities.timeout_s,
            deadline_s=call.deadline_s,
            correlation_id=call.correlation_id,
            is_read=call.command.is_read,
        )

    def _told(self, reply: Reply, is_read: bool) -> Failure:
        return errors.told(reply, is_read=is_read, redact=self._redact, system=self._name)
