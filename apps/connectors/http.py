"""The one way out: pooled, timed, bounded, correlated; what may leave, and only to the system's own address."""

import asyncio
import ipaddress
import json as json_codec
import logging
import secrets
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from apps.connectors.base import Reply
from apps.connectors.redaction import Redactor
from apps.core.errors import Failure, Misconfigured, TransientFailure, UnknownOutcome

MAX_ANSWER_BYTES = 20 * 1024 * 1024
CONNECT_TIMEOUT_S = 3.0
# Below what servers keep (gunicorn 2 s, uvicorn 5 s): a write into a connection that is just being closed would be an
# unknown outcome for nothing.
KEEP_ALIVE_S = 1.5
CONNECTIONS_PER_HOST = 200
_HEX = frozenset("0123456789abcdef")
_LOOPBACK_NAMES = frozenset({"localhost"})

log = logging.getLogger(__name__)
_sessions: "WeakKeyDictionary[asyncio.AbstractEventLoop, aiohttp.ClientSession]" = WeakKeyDictionary()
_encode = json_codec.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


class Door:
    """The way out to one connected system. Safe to use from many tasks and many event loops."""

    def __init__(
        self, *, base_url: str, redact: Redactor, timeout_s: float = 30.0, also_allowed: Sequence[str] = ()
    ) -> None:
        self._origins = tuple(_origin(url) + "/" for url in (base_url, *also_allowed))
        self._redact = redact
        self._timeout_s = timeout_s

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: bytes | str | None = None,
        params: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        is_read: bool = False,
        correlation_id: str = "",
    ) -> Reply:
        """Send and read one answer, whatever its status; redirects are answers too.

        The reply's headers are found in lower case. Never connected: TransientFailure (nothing happened). No answer
        after sending, or one beyond 20 MB: UnknownOutcome, or TransientFailure when `is_read`.
        """
        self._check(url)
        limit_s = min(timeout_s or self._timeout_s, self._timeout_s)
        if limit_s <= 0:
            raise TransientFailure(f"{method} {_bare(url)}: no time left to call", code="deadline")
        sent, body = _prepared(headers, json, data, correlation_id)
        started = time.perf_counter()
        try:
            reply = await _exchange(method, url, sent, body, params, limit_s, started)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise self._told(error, method=method, url=url, is_read=is_read, limit_s=limit_s) from _safe(
                error, self._redact
            )
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s %s -> %s in %.1f ms", method, _bare(url), reply.status, reply.elapsed_ms)
        return reply

    def _check(self, url: str) -> None:
        if not url.startswith(self._origins) or "\\" in url:
            raise _bad_address(url, f"is not an address of this system (allowed: {', '.join(self._origins)})")

    def _told(self, error: Exception, *, method: str, url: str, is_read: bool, limit_s: float) -> Failure:
        call = f"{method} {_bare(url)}"
        if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError):
            return Misconfigured(
                f"{call}: the secure connection failed ({self._redact(str(error))}). Check certificate and address.",
                code="permission_denied",
            )
        if _never_left(error):
            return TransientFailure(
                f"{call}: cannot connect ({self._redact(str(error)) or 'no answer'}); nothing was sent",
                code="vendor_down",
            )
        what = (
            f"no answer within {limit_s:.1f} s"
            if isinstance(error, TimeoutError)
            else self._redact(str(error) or type(error).__name__)
        )
        if is_read:
            return TransientFailure(f"{call}: {what}", code="vendor_down")
        return UnknownOutcome(
            f"{call}: {what}. It may or may not have happened: look up by key before sending again.",
            code="unknown_outcome",
        )


async def close() -> None:
    """Close the connections of the running loop; the next call opens new ones."""
    session = _sessions.pop(asyncio.get_running_loop(), None)
    if session is not None:
        await session.close()


class AnswerTooLargeError(ValueError):
    """More than MAX_ANSWER_BYTES, after decompression."""


class _Resolver(AbstractResolver):
    """Names to addresses, without those no business system has: link-local (cloud metadata), multicast, unspecified."""

    def __init__(self) -> None:
        self._inner = aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = [entry for entry in await self._inner.resolve(host, port, family) if _is_callable(entry["host"])]
        if not found:
            raise OSError(f"{host} has no address that may be called")
        return found

    async def close(self) -> None:
        await self._inner.close()


def _session() -> aiohttp.ClientSession:
    loop = asyncio.get_running_loop()
    session = _sessions.get(loop)
    if session is None or session.closed:
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, limit_per_host=CONNECTIONS_PER_HOST, keepalive_timeout=KEEP_ALIVE_S, resolver=_Resolver()
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            raise_for_status=False,
            headers={"User-Agent": "Tieout/1", "Accept": "application/json"},
        )
        # The library sends PUT and DELETE again by itself when a kept connection breaks. A write whose outcome is
        # unknown is looked up first, never sent again, and there is no public switch for that.
        session._retry_connection = False
        _sessions[loop] = session
    return session


async def _exchange(
    method: str,
    url: str,
    headers: dict[str, str],
    body: bytes | None,
    params: Mapping[str, str] | None,
    limit_s: float,
    started: float,
) -> Reply:
    timeout = aiohttp.ClientTimeout(total=limit_s, connect=min(CONNECT_TIMEOUT_S, limit_s))
    async with _session().request(
        method,
        URL(url, encoded=True),
        headers=headers,
        data=body,
        params=params,
        timeout=timeout,
        allow_redirects=False,
    ) as response:
        chunks, size = [], 0
        while chunk := await response.content.readany():
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                raise AnswerTooLargeError(f"the answer is larger than {MAX_ANSWER_BYTES} bytes")
            chunks.append(chunk)
        whole = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        return Reply(response.status, response.headers, whole, (time.perf_counter() - started) * 1000)


def _prepared(
    headers: Mapping[str, str] | None, json: Any, data: bytes | str | None, correlation_id: str
) -> tuple[dict[str, str], bytes | None]:
    sent = dict(headers) if headers else {}
    body = data.encode() if isinstance(data, str) else data
    if json is not None:
        body = _encode(json).encode()
        sent.setdefault("Content-Type", "application/json")
    if correlation_id:
        sent["X-Correlation-ID"] = correlation_id
        if len(correlation_id) == 32 and _HEX.issuperset(correlation_id):
            sent["traceparent"] = f"00-{correlation_id}-{secrets.token_hex(8)}-01"
    return sent, body


def _never_left(error: Exception) -> bool:
    return isinstance(
        error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | aiohttp.InvalidURL | socket.gaierror
    )


def _safe(error: Exception, redact: Redactor) -> Exception | None:
    """The cause worth keeping: dropped when its text would carry a secret into a trace."""
    text = str(error)
    return error if redact(text) == text else None


def _bare(url: str) -> str:
    return url.partition("?")[0]


def _origin(url: str) -> str:
    """Scheme, host and port; raises Misconfigured for what may not be called."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.username or parts.password or not host or not _is_callable(host):
        raise _bad_address(url, "is no address to call")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise _bad_address(url, "must begin with https://")
    return f"{parts.scheme}://{parts.netloc}"


def _bad_address(url: str, what: str) -> Misconfigured:
    # Without its user and password part, which would be a secret.
    return Misconfigured(
        f"{_bare(url).rpartition('@')[2]!r} {what}. Correct the base address of the connected system.",
        code="permission_denied",
    )


def _is_callable(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return True
    return not (address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in _LOOPBACK_NAMES
