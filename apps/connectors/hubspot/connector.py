"""HubSpot's verbs: read a won deal whole, write news back to it, find what changed."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from apps.canonical.codec import to_json
from apps.canonical.commands import ReadOpportunity, UpdateOpportunity
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
from apps.connectors.hubspot import auth, errors, events, feed, mapping, webhook
from apps.connectors.inbound import secrets_of
from apps.connectors.redaction import Redactor
from apps.core.errors import BadInput, Failure, Misconfigured, Rejected

DEFAULT_VERSION = "2026-09"
BATCH = 100
MOST_PARENTS = 10


class HubSpotConnector:
    """One HubSpot portal. Settings: api_version, public_url, portal_id, app_id, properties, won_stages, time_zone."""

    def __init__(self, system: SystemFacts, http: HttpDoor) -> None:
        self._system = system
        self._http = http
        self._settings = system.settings
        self._version = str(self._settings.get("api_version", DEFAULT_VERSION))
        self._names = mapping.names_of(self._settings)
        self._zone = str(self._settings.get("time_zone", "UTC"))
        self._redact = Redactor(system.secret)
        self._headers = auth.headers(system.secret)
        self.capabilities = Capabilities(
            idempotency="natural_key",
            concurrency="none",
            change_feed="webhook_signed",
            throttle_signal="429_plain",
            max_concurrency=int(self._settings.get("max_concurrency", 10)),
            max_in_flight_s=float(self._settings.get("max_in_flight_s", 30)),
            timeout_s=float(self._settings.get("timeout_s", 15)),
        )
        self._verbs: Mapping[type, Verb] = {
            ReadOpportunity: self._read_opportunity,
            UpdateOpportunity: self._update_opportunity,
        }

    def verify(self, request: Request) -> None:
        secrets = secrets_of(self._system.secret, "client_secret", "previous_client_secret")
        if not secrets:
            raise Misconfigured(
                'HubSpot: the secret file holds no "client_secret"; webhooks cannot be believed without it.',
                code="credentials_expired",
            )
        webhook.verify(request, client_secrets=secrets, public_url=str(self._settings.get("public_url") or request.url))

    def split(self, request: Request) -> Sequence[RawEvent]:
        return webhook.split(request)

    def parse(self, body: bytes) -> Envelope | None:
        return events.to_envelope(body, names=self._names, settings=self._settings)

    async def execute(self, call: Call) -> Answer:
        verb = self._verbs.get(type(call.command))
        if verb is None:
            raise unsupported(f"HubSpot ({self._system.code})", call)
        return await performed(verb, self._exchange(call), call)

    async def lookup(self, call: Call) -> Done | None:
        """A write-back has happened when the deal shows it; if not, writing the same values again harms nothing."""
        if not isinstance(call.command, UpdateOpportunity):
            return None
        written = mapping.to_write_back(call.command, correlation_id=call.correlation_id, names=self._names)
        exchange = self._exchange(call, looks_up=True)
        deal = await self._deal(exchange, call.command.ref, properties=written)
        if not mapping.is_as_written(deal.get("properties"), written, names=self._names):
            return None
        return Done(ref=call.command.ref, version=str(deal.get("updatedAt") or ""))

    async def poll(self, handle: str, call: Call) -> Answer:
        """HubSpot answers at once; nothing is ever left to ask for."""
        raise Rejected(f"HubSpot has no running job {handle!r}.", code="rejected_by_vendor")

    async def changes(self, cursor: str) -> Changes:
        return await feed.changes(self._exchange(), cursor, url=self._url, settings=self._settings)

    async def health(self) -> Mapping[str, Any]:
        exchange = self._exchange()
        account = exchange.read(
            await exchange.send("GET", f"{self._system.base_url}/account-info/{self._dated()}/details")
        )
        portal, expected = account.get("portalId"), self._settings.get("portal_id")
        if expected is not None and str(portal) != str(expected):
            raise Misconfigured(
                f"HubSpot: the token belongs to portal {portal}, configured is {expected}. Correct one of the two.",
                code="permission_denied",
            )
        return {"portal_id": portal, "account_type": account.get("accountType"), "api_version": self._version}

    async def _read_opportunity(self, exchange: Exchange, call: Call) -> Done:
        command = call.of(ReadOpportunity)
        ref = await self._deal_of(exchange, command.ref)
        deal = await self._deal(exchange, ref, properties=self._names.deal.values(), associations=True)
        # One call after another: a command holds one concurrency slot.
        line_items = await self._line_items(exchange, feed.associated(deal, "line items"))
        companies = await self._companies(exchange, feed.associated(deal, "companies"))
        contract = mapping.to_contract(deal, companies=companies, line_items=line_items, names=self._names)
        return Done(ref=contract.ref, version=contract.changed_at, payload=to_json(contract))

    async def _update_opportunity(self, exchange: Exchange, call: Call) -> Done:
        command = call.of(UpdateOpportunity)
        written = mapping.to_write_back(command, correlation_id=call.correlation_id, names=self._names)
        reply = await exchange.send("PATCH", self._url("deals", command.ref), json={"properties": written})
        return Done(ref=command.ref, version=str(exchange.read(reply).get("updatedAt") or ""))

    async def _deal_of(self, exchange: Exchange, ref: str) -> str:
        """The deal itself, or the one a line item belongs to."""
        if not ref.startswith("line_item:"):
            return ref
        deals = await feed.deals_of_line_items(exchange, [ref.partition(":")[2]], url=self._url)
        if len(deals) != 1:
            raise Rejected(
                f"HubSpot {ref} belongs to {len(deals)} deals, not to one.",
                code="rejected_by_vendor",
                field="line_item",
            )
        return deals[0]

    async def _deal(
        self, exchange: Exchange, ref: str, *, properties: Any, associations: bool = False
    ) -> dict[str, Any]:
        params = {"properties": ",".join(properties)}
        if associations:
            params["associations"] = "companies,line_items"
        return exchange.read(await exchange.send("GET", self._url("deals", ref), params=params))

    async def _line_items(self, exchange: Exchange, ids: list[str]) -> list[Any]:
        found: list[Any] = []
        for start in range(0, len(ids), BATCH):
            found += await self._batch_read(
                exchange, "line_items", ids[start : start + BATCH], self._names.line_item.values()
            )
        return found

    async def _companies(self, exchange: Exchange, ids: list[str]) -> list[Any]:
        """The customer and its parents, nearest first; stops at a parent already seen or not there any more."""
        found: list[Any] = []
        seen: set[str] = set()
        ref = ids[0] if ids else ""
        while ref and ref not in seen and len(found) <= MOST_PARENTS:
            seen.add(ref)
            reply = await exchange.send(
                "GET",
                self._url("companies", ref),
                params={"properties": ",".join(self._names.company.values())},
                expect=(404,) if found else (),
            )
            if reply.status == 404:
                break
            company = exchange.read(reply)
            found.append(company)
            properties = company.get("properties")
            ref = str((properties.get(self._names.company["parent_ref"]) if isinstance(properties, dict) else "") or "")
        return found

    async def _batch_read(self, exchange: Exchange, kind: str, ids: list[str], properties: Any) -> list[Any]:
        body = {"properties": list(properties), "inputs": [{"id": one} for one in ids]}
        reply = await exchange.send("POST", self._url(kind, "batch", "read"), json=body)
        answer = exchange.read(reply)
        if reply.status == 207 and answer.get("errors"):
            raise errors.told_partial(answer["errors"][0], redact=self._redact)
        results = answer.get("results")
        if not isinstance(results, list):
            raise BadInput(
                f"HubSpot's batch of {kind} holds no results",
                path="results",
                mend="Replay; tell HubSpot if it stays so.",
            )
        return results

    def _url(self, kind: str, *parts: str) -> str:
        path = f"crm/v3/objects/{kind}" if self._version == "v3" else f"crm/objects/{self._version}/{kind}"
        return "/".join((self._system.base_url, path, *(quote(part, safe="") for part in parts)))

    def _dated(self) -> str:
        return DEFAULT_VERSION if self._version == "v3" else self._version

    def _exchange(self, call: Call | None = None, *, looks_up: bool = False) -> Exchange:
        timeout_s = self.capabilities.timeout_s
        if call is None:
            return Exchange(self._http, told=self._told, timeout_s=timeout_s, headers=self._headers)
        return Exchange(
            self._http,
            told=self._told,
            timeout_s=timeout_s,
            deadline_s=call.deadline_s,
            correlation_id=call.correlation_id,
            is_read=looks_up or call.command.is_read,
            headers=self._headers,
        )

    def _told(self, reply: Reply, is_read: bool) -> Failure:
        return errors.told(reply, is_read=is_read, redact=self._redact, zone=self._zone)
