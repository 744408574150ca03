"""Signing in to Tryton: one session per process for calls, an application key for reads."""

import asyncio
import base64
import time
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from apps.connectors.exchange import Exchange
from apps.connectors.redaction import Redactor
from apps.connectors.tryton import errors
from apps.core.errors import Misconfigured

# A session younger than this that is refused will not get better by asking for another; and the seventh failed
# attempt locks everybody out.
_FRESH_S = 30.0


class Sessions:
    """The session all calls share; made when first needed and again when Tryton has forgotten it."""

    def __init__(self, secret: Mapping[str, Any], *, url: str, redact: Redactor) -> None:
        self._login = text_of(secret, "login")
        self._password = text_of(secret, "password")
        self._url = url
        self._redact = redact
        self._header: str | None = None
        self._signed_in_at = 0.0
        # One sign-in at a time, per event loop: a lock belongs to the loop that waited for it.
        self._locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    async def header(self, exchange: Exchange) -> str:
        """The Authorization header; signs in when there is no session."""
        if self._header is None:
            async with self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
                if self._header is None:
                    self._header = await self._sign_in(exchange)
        return self._header

    def forget(self, header: str) -> bool:
        """Drop a session that was refused; False when it is so new that signing in again would not help."""
        if self._header != header:
            return True  # another task has made a new one meanwhile
        if time.monotonic() - self._signed_in_at < _FRESH_S:
            return False
        self._header = None
        return True

    async def _sign_in(self, exchange: Exchange) -> str:
        body = {"id": 0, "method": "common.db.login", "params": [self._login, {"password": self._password}]}
        # Signing in twice harms nothing, so no answer is only "not now".
        reply = await exchange.send("POST", self._url, json=body, is_read=True, expect=(401, 403, 429))
        if reply.status != 200:
            raise errors.told_login(reply, redact=self._redact)
        answer = exchange.read(reply, is_read=True)
        result = answer.get("result")
        if not (isinstance(result, list) and len(result) >= 2):
            raise errors.told_rpc(answer.get("error"), redact=self._redact)
        self._signed_in_at = time.monotonic()
        return "Session " + base64.b64encode(f"{self._login}:{result[0]}:{result[1]}".encode()).decode()


def text_of(secret: Mapping[str, Any], name: str) -> str:
    """A text of the secret file; raises Misconfigured when it is not there."""
    value = secret.get(name)
    if not isinstance(value, str) or not value:
        raise Misconfigured(
            f'Tryton: the secret file holds no "{name}". Its provisioning writes it.', code="credentials_expired"
        )
    return value
