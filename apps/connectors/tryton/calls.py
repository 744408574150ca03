"""Tryton's two interfaces for one command: find and get over REST, change and wizards over JSON-RPC."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from apps.connectors.exchange import Exchange
from apps.connectors.failures import DOWN, UNKNOWN, failure
from apps.connectors.redaction import Redactor
from apps.connectors.tryton import errors, wire
from apps.connectors.tryton.auth import Sessions
from apps.core.errors import Failure, Misconfigured

Record = dict[str, Any]
MOST_WARNINGS = 3


class Calls:
    """All calls of one command, in the context of one company."""

    def __init__(
        self,
        exchange: Exchange,
        *,
        base_url: str,
        sessions: Sessions,
        rest_key: str,
        context: Mapping[str, Any],
        redact: Redactor,
    ) -> None:
        self.exchange = exchange
        self._base_url = base_url
        self._sessions = sessions
        self._context = dict(context)
        self._redact = redact
        self._rest_headers = {
            "Authorization": f"Bearer {rest_key}",
            "X-Tryton-Context": wire.header(self._context),
        }

    async def find(
        self,
        model: str,
        domain: Sequence[Any],
        *,
        fields: Sequence[str],
        limit: int = 100,
        order: Sequence[Sequence[str]] = (("id", "ASC"),),
    ) -> list[Record]:
        """Records that fit, at most `limit`. A dotted field comes as an object within the record."""
        query = [("d", wire.header(list(domain))), ("s", str(limit)), ("o", wire.header(list(order)))]
        found = await self._get(f"{model}?{urlencode(query + [('f', field) for field in fields])}")
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    async def get(self, model: str, ref: int, *, fields: Sequence[str]) -> Record | None:
        """One record; None when it is not there (or not ours to see: Tryton does not tell the two apart)."""
        found = await self._get(f"{model}/{ref}?{urlencode([('f', field) for field in fields])}", expect=(404,))
        return found if isinstance(found, dict) else None

    async def create(self, model: str, values: Sequence[Record]) -> list[int]:
        """New records in one transaction, all or none; their ids."""
        return list(await self.call(f"model.{model}.create", list(values)))

    async def write(self, model: str, refs: Sequence[int], values: Record, *, version: str = "") -> None:
        """Change records; with `version`, only if nobody has changed the one record since."""
        await self.call(f"model.{model}.write", list(refs), values, context=_guard(model, refs, version))

    async def delete(self, model: str, refs: Sequence[int]) -> None:
        """Remove records."""
        if refs:
            await self.call(f"model.{model}.delete", list(refs))

    async def press(self, model: str, button: str, refs: Sequence[int], *, version: str = "") -> None:
        """Press a button of the form, as a person would; warnings that policy lets pass are acknowledged."""
        await self.call(f"model.{model}.{button}", list(refs), context=_guard(model, refs, version))

    async def run_wizard(self, name: str, *, on: str, ref: int, state: str, form: Record) -> None:
        """Open a wizard on one record, fill its form, carry out one state, and close it whatever happened."""
        context = {"active_model": on, "active_id": ref, "active_ids": [ref]}
        session, start, _ = await self.call(f"wizard.{name}.create", context=context)
        try:
            await self.call(f"wizard.{name}.execute", session, {}, start, context=context)
            await self.call(f"wizard.{name}.execute", session, {start: form}, state, context=context)
        finally:
            # Its session is only a row that nobody needs; the state's own transaction is already settled.
            with contextlib.suppress(Failure):
                await self.call(f"wizard.{name}.delete", session, context=context, is_read=True)

    async def call(
        self, method: str, *params: Any, context: Mapping[str, Any] | None = None, is_read: bool | None = None
    ) -> Any:
        """One remote procedure; raises what the table makes of its error."""
        for _ in range(MOST_WARNINGS):
            answer = await self._post(method, [*params, self._context | dict(context or {})], is_read=is_read)
            error = answer.get("error")
            if error is None:
                return self._decoded(answer.get("result"), is_read=is_read)
            warning = errors.warning_to_acknowledge(error)
            if warning is None:
                break
            # Acknowledging is for the next call only; nothing has happened yet.
            await self._post("model.res.user.warning.skip", [warning, self._context], is_read=True)
        raise errors.told_rpc(error, redact=self._redact)

    async def _post(self, method: str, params: list[Any], *, is_read: bool | None) -> Record:
        body = {"id": 1, "method": method, "params": wire.encoded(params)}
        url = f"{self._base_url}/rpc/"
        while True:
            header = await self._sessions.header(self.exchange)
            reply = await self.exchange.send(
                "POST", url, json=body, headers={"Authorization": header}, is_read=is_read, expect=(401,)
            )
            if reply.status != 401:
                return self.exchange.read(reply, is_read=is_read)
            # Refused before anything ran: the session is gone, or too old for a call that wants a fresh one.
            if not self._sessions.forget(header):
                raise Misconfigured(
                    f"Tryton: {method} is refused right after signing in. Check login, password and the user's rights.",
                    code="credentials_expired",
                )

    async def _get(self, path: str, *, expect: tuple[int, ...] = ()) -> Any:
        url = f"{self._base_url}/rest/model/{path}"
        reply = await self.exchange.send("GET", url, headers=self._rest_headers, is_read=True, expect=expect)
        if reply.status in expect:
            return None
        try:
            return wire.decoded(reply.json())
        except (ValueError, RecursionError) as error:
            raise failure(DOWN, f"Tryton's answer ({reply.status}) cannot be read: {error}") from error

    def _decoded(self, result: Any, *, is_read: bool | None) -> Any:
        try:
            return wire.decoded(result)
        except ValueError as error:
            reads = self.exchange.is_read if is_read is None else is_read
            raise failure(DOWN if reads else UNKNOWN, f"Tryton's answer cannot be read: {error}") from error


def _guard(model: str, refs: Sequence[int], version: str) -> dict[str, Any]:
    return {"_timestamp": {f"{model},{ref}": version for ref in refs}} if version else {}
