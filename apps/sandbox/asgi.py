"""The application: one request in, its fault, its delay, its vendor, the ledger written, one answer out."""

import asyncio
import gc
import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from apps.sandbox.control import ControlDoor
from apps.sandbox.emitter import Emitter
from apps.sandbox.errors import SandboxError
from apps.sandbox.events import CloudEventEnvelope, EventsDoor
from apps.sandbox.faults import Fault, Faults
from apps.sandbox.http import Answer, Refused, Request, problem
from apps.sandbox.hubspot.door import HubSpotDoor
from apps.sandbox.hubspot.webhooks import HubSpotEnvelope
from apps.sandbox.ledger import Ledger
from apps.sandbox.netsuite.door import NetSuiteDoor
from apps.sandbox.settings import Settings, load

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_ID_PART = re.compile(r"(?<=/)(?:eid:[^/]+|\d+)(?=/|$)")
# uvicorn must see the connection gone before the call returns, or it would answer a 500 by itself.
_ABORT_SETTLES_S = 0.01
_LOG = logging.getLogger("apps.sandbox")


class Door(Protocol):
    """One vendor. `admit` may refuse before any delay; `leave` follows every admitted call."""

    def admit(self, request: Request) -> Answer | None: ...
    def answer(self, request: Request) -> Answer: ...
    def failure(self) -> Answer: ...
    def leave(self) -> None: ...
    def seed(self) -> None: ...


class Sandbox:
    """All that lives as long as the process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.ledger = Ledger(settings.ledger)
        self.faults = Faults()
        self.latency_s: dict[str, float] = {}
        self.calls: dict[str, Counter[tuple[str, str, int]]] = {}
        self.emitter = Emitter(self.ledger, settings=settings.webhooks)
        self.doors: dict[str, Door] = {}
        self._open_doors()
        self.control = ControlDoor(self)

    async def start(self) -> None:
        self.seed()
        await self.emitter.start()

    async def stop(self) -> None:
        await self.emitter.stop()
        self.ledger.close()

    def seed(self) -> None:
        for door in self.doors.values():
            door.seed()
        self.ledger.flush()

    def reset(self) -> None:
        """As on the first start: nothing created, no faults, no delays, no calls counted."""
        self.ledger.reset()
        self.faults.clear()
        self.latency_s.clear()
        self.calls.clear()
        self.emitter.forget()
        self.seed()

    async def serve(self, request: Request, *, vendor: str, send: Send) -> None:
        door = self.doors[vendor]
        answer = door.admit(request)
        if answer is None:
            try:
                answer = await self._within(door, request, vendor=vendor)
            finally:
                door.leave()
        route = (request.method, _ID_PART.sub("{id}", request.path), answer.status if answer else 0)
        self.calls.setdefault(vendor, Counter())[route] += 1
        if answer is None:
            await _hang_up(send)
        else:
            await _send(send, answer)

    async def _within(self, door: Door, request: Request, *, vendor: str) -> Answer | None:
        """The vendor's answer, or None when the line is to be cut."""
        fault = self.faults.strike(request, vendor=vendor) if self.faults.rules else None
        delay_s = self.latency_s.get(vendor, 0) + (fault.latency_ms / 1000 if fault else 0)
        if delay_s:
            await asyncio.sleep(delay_s)
        if fault is None:
            return self._answer(door, request)
        return await self._befallen(door, request, fault=fault)

    async def _befallen(self, door: Door, request: Request, *, fault: Fault) -> Answer | None:
        if fault.late_commit_s is not None:
            # The task outlives the client's disconnect: the effect comes after nobody waits for it any more.
            await asyncio.sleep(fault.late_commit_s)
            self._answer(door, request)
            return None
        if fault.hang_s is not None:
            await asyncio.sleep(fault.hang_s)
            return None
        if fault.drop is not None:
            if fault.drop == "after":
                self._answer(door, request)
            return None
        if fault.status is None:
            return self._answer(door, request)
        if fault.commit:
            self._answer(door, request)
        headers = [(name.lower().encode(), str(value).encode()) for name, value in fault.headers.items()]
        body = fault.body.encode() if isinstance(fault.body, str) else fault.body
        return Answer(fault.status, body, headers=headers)

    def _answer(self, door: Door, request: Request) -> Answer:
        try:
            return door.answer(request)
        except Refused as refusal:
            return refusal.answer
        except Exception:
            _LOG.exception("%s %s failed inside the sandbox", request.method, request.path)
            return door.failure()
        finally:
            self.ledger.flush()

    def _open_doors(self) -> None:
        s = self.settings
        if s.hubspot is not None:
            self.doors["hubspot"] = HubSpotDoor(s.hubspot, ledger=self.ledger, emitter=self.emitter)
        if s.netsuite is not None:
            self.doors["netsuite"] = NetSuiteDoor(s.netsuite, ledger=self.ledger)
        for code, secret in s.events.items():
            self.doors[f"events/{code}"] = EventsDoor(code, settings=secret, ledger=self.ledger)
        for code, url in s.targets.items():
            if code == "hubspot" and s.hubspot is not None:
                self.emitter.add_lane(code, url=url, envelope=HubSpotEnvelope(s.hubspot))
            elif code in s.events:
                self.emitter.add_lane(code, url=url, envelope=CloudEventEnvelope(s.events[code]))


_sandbox: Sandbox | None = None


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    if scope["type"] != "http" or _sandbox is None:
        return
    body = await _body(receive, limit=_sandbox.settings.max_body_bytes)
    path: str = scope["path"]
    if body is None:
        await _send(send, problem(413, title="Too large", detail="The body is too large.", code="body_too_large"))
        return
    vendor, base = _vendor_of(path)
    if vendor in _sandbox.doors:
        request = _request(scope, base=base, path=path[len(base) :], body=body)
        await _sandbox.serve(request, vendor=vendor, send=send)
    elif vendor == "_control":
        request = _request(scope, base=base, path=path[len(base) :], body=body)
        await _send(send, _sandbox.control.answer(request, client=(scope.get("client") or ("",))[0]))
    elif path == "/health":
        await _send(send, Answer(200, {"status": "ready", "vendors": sorted(_sandbox.doors)}))
    else:
        known = ", ".join(sorted(_sandbox.doors)) or "none"
        detail = f"{path} belongs to no vendor served here; served: {known}. Add it to the settings file."
        await _send(send, problem(404, title="Unknown vendor", detail=detail, code="unknown_vendor"))


async def _live(receive: Receive, send: Send) -> None:
    global _sandbox
    await receive()
    try:
        _sandbox = Sandbox(load())
        await _sandbox.start()
    except SandboxError as error:
        await send({"type": "lifespan.startup.failed", "message": str(error)})
        return
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await _sandbox.stop()
    _sandbox = None
    await send({"type": "lifespan.shutdown.complete"})


def _vendor_of(path: str) -> tuple[str, str]:
    """The door's name and the part of the path that names it."""
    parts = path.split("/", 3)
    name = parts[1] if len(parts) > 1 else ""
    if name == "events" and len(parts) > 2:
        return f"events/{parts[2]}", f"/events/{parts[2]}"
    return name, f"/{name}"


def _request(scope: Scope, *, base: str, path: str, body: bytes) -> Request:
    headers = dict(scope["headers"])
    host = headers.get(b"host", b"127.0.0.1").decode("latin-1")
    raw_path = scope.get("raw_path")
    if raw_path is not None and b"%" in raw_path:
        path = raw_path.decode("ascii")[len(base) :]
    return Request(
        method=scope["method"],
        base=f"{scope['scheme']}://{host}{base}",
        path=path,
        query_string=scope["query_string"],
        headers=headers,
        body=body,
    )


async def _body(receive: Receive, *, limit: int) -> bytes | None:
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        parts, size = [body], len(body)
        while message.get("more_body"):
            message = await receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > limit:
                return None
        body = b"".join(parts)
    return body if len(body) <= limit else None


async def _send(send: Send, answer: Answer) -> None:
    headers = [*answer.headers, (b"content-length", str(len(answer.body)).encode())]
    if answer.body:
        headers.append((b"content-type", answer.content_type))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _hang_up(send: Send) -> None:
    """Close the connection without a byte. ASGI has no word for it, so uvicorn's transport is asked directly."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is not None:
        transport.abort()
        await asyncio.sleep(_ABORT_SETTLES_S)
        return
    headers = [(b"content-length", b"1")]
    await send({"type": "http.response.start", "status": 502, "headers": headers})
