"""NetSuite's services as calls: records, SuiteQL, our RESTlet; and the masters of an account that do not change."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from apps.connectors.base import Reply, SystemFacts
from apps.connectors.exchange import Exchange
from apps.connectors.failures import REJECTED, UNKNOWN, failure
from apps.connectors.netsuite.rows import Query
from apps.core.errors import Misconfigured, Rejected

RECORD_PATH = "/services/rest/record/v1/"
SUITEQL_PATH = "/services/rest/query/v1/suiteql"
RESTLET_PATH = "/app/site/hosting/restlet.nl"
PAGE = 1000


class Service:
    """One account. Settings: restlet {"script", "deploy", "url"}, currency_codes {internal id: ISO code}, subsidiaries."""

    def __init__(self, system: SystemFacts) -> None:
        self._base = system.base_url
        self._restlet = system.settings.get("restlet", {})
        self._currencies: dict[str, str] = dict(system.settings.get("currency_codes", {}))
        self._subsidiaries: dict[str, str] = {
            code: str(one)
            for code, one in {**system.settings.get("subsidiaries", {}), **system.names.get("legal_entity", {})}.items()
        }

    @property
    def has_restlet(self) -> bool:
        """Whether the tenant has deployed the script for what REST records lack: budgets and voids."""
        return bool(self._restlet.get("script") and self._restlet.get("deploy"))

    async def put(
        self, exchange: Exchange, record: str, *, key: str, body: Mapping[str, Any], replace: str = ""
    ) -> str:
        """Create or change the record with this external id; returns its internal id.

        replace: sublists that are to be as in `body`; without it NetSuite adds their lines to those there are.
        """
        params = {"replace": replace} if replace else None
        reply = await exchange.send("PUT", self._record(record, "eid:" + key), json=body, params=params)
        return _located(reply)

    async def post(self, exchange: Exchange, *path: str, body: Mapping[str, Any]) -> str:
        """Create a record; returns its internal id. One whose external id exists already is refused, never changed."""
        return _located(await exchange.send("POST", self._record(*path), json=body))

    async def patch(self, exchange: Exchange, record: str, *, ref: str, body: Mapping[str, Any]) -> None:
        """Change some fields of the record with this internal id."""
        await exchange.send("PATCH", self._record(record, ref), json=body)

    async def rows(self, exchange: Exchange, query: Query, *, limit: int = PAGE) -> list[dict[str, Any]]:
        """The first page of a query's rows; every value is a text, empty columns are left out."""
        reply = await exchange.send(
            "POST",
            f"{self._base}{SUITEQL_PATH}",
            json={"q": query[0], "params": query[1]},
            params={"limit": str(limit), "offset": "0"},
            headers={"Prefer": "transient"},
            is_read=True,
        )
        items = exchange.read(reply, is_read=True).get("items")
        return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []

    async def restlet(self, exchange: Exchange, body: Mapping[str, Any], *, what: str) -> dict[str, Any]:
        """Ask our script; raises Rejected when the tenant has not deployed it."""
        address = self._restlet_address(what)
        return exchange.read(await exchange.send("POST", address, json=body))

    async def restlet_read(self, exchange: Exchange, query: Mapping[str, str], *, what: str) -> dict[str, Any] | None:
        """Ask our script for a record, None when there is none."""
        address = f"{self._restlet_address(what)}&{urlencode(query)}"
        reply = await exchange.send("GET", address, is_read=True, expect=(404,))
        return None if reply.status == 404 else exchange.read(reply, is_read=True)

    async def currency_code(self, exchange: Exchange, internal_id: str) -> str:
        """ISO 4217 code of a currency; asked once."""
        if internal_id not in self._currencies:
            found = await self.rows(exchange, ("SELECT id, symbol FROM currency", []))
            self._currencies |= {str(row.get("id")): str(row.get("symbol")) for row in found}
        if internal_id not in self._currencies:
            raise failure(REJECTED, f"NetSuite names no currency {internal_id!r}", field="currency")
        return self._currencies[internal_id]

    async def subsidiary_id(self, exchange: Exchange, legal_entity: str) -> str:
        """Internal id of a legal entity's subsidiary; asked once. Raises Misconfigured when there is none."""
        if legal_entity not in self._subsidiaries:
            query = ("SELECT id FROM subsidiary WHERE externalid = ?", [legal_entity])
            found = await self.rows(exchange, query)
            if not found:
                raise Misconfigured(
                    f"NetSuite has no subsidiary with external id {legal_entity}. Set it there, or name it in settings.subsidiaries.",
                    code="value_unmapped",
                )
            self._subsidiaries[legal_entity] = str(found[0].get("id"))
        return self._subsidiaries[legal_entity]

    def _record(self, *path: str) -> str:
        return self._base + RECORD_PATH + "/".join(quote(part, safe=":!") for part in path)

    def _restlet_address(self, what: str) -> str:
        if not self.has_restlet:
            raise Rejected(
                f"NetSuite: {what} needs a RESTlet in the account. Deploy it and name script and deploy in settings.restlet.",
                code="rejected_by_vendor",
            )
        address = self._restlet.get("url") or self._base + RESTLET_PATH
        return f"{address}?{urlencode({name: self._restlet[name] for name in ('script', 'deploy')})}"


def keyed(rows: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Rows by external id."""
    return {str(row.get("externalid")): row for row in rows}


def _located(reply: Reply) -> str:
    """The internal id of what was just written, from the address it has now."""
    ref = (reply.headers.get("location") or "").rstrip("/").rpartition("/")[2]
    if not ref:
        raise failure(UNKNOWN, f"NetSuite answered {reply.status} without the address of the record; look it up by key")
    return ref
