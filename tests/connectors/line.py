"""The line between a connector and its vendor: passes every call on, unless it is told to misbehave."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

# Signing in is not what these tests disturb.
UNDISTURBED = ("/oauth2/", "/login")


@dataclass
class Fault:
    """What happens to the next `times` calls. Exactly one of the endings applies.

    answer:  status, headers, body in place of the vendor's.
    echo:    the answer's body is what the vendor was sent, headers included, as a debugging vendor would.
    drop:    the line is cut, "before" the vendor hears of the call or "after" it has done it.
    hang_s:  nobody answers; the vendor never hears of it.
    late_s:  the vendor does it this much later, whether or not somebody still waits.
    """

    times: int = 1
    answer: tuple[int, dict[str, str], bytes] | None = None
    echo: int = 0
    drop: str = ""
    hang_s: float = 0.0
    late_s: float = 0.0


@dataclass
class Heard:
    """One call as the vendor's side of the line saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = field(repr=False, default=b"")


class Line:
    """A forwarding HTTP server in a thread of its own."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.heard: list[Heard] = []
        self.most_at_once = 0
        self._at_once = 0
        self._round = 0
        self._fault: Fault | None = None
        self._late: set[asyncio.Task[Any]] = set()
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self._ready.wait(10)

    @contextmanager
    def disturbed(self, **how: Any) -> Iterator[None]:
        """Inside, calls meet this fault; afterwards the line is whole again."""
        self._fault = Fault(**how)
        try:
            yield
        finally:
            self._fault = None

    def forget(self) -> None:
        """Nothing heard, nothing at once, no fault."""
        self.heard.clear()
        self.most_at_once = self._at_once = 0
        self._round += 1
        self._fault = None

    @property
    def calls(self) -> list[Heard]:
        """What was heard besides signing in."""
        return [one for one in self.heard if not any(part in one.path for part in UNDISTURBED)]

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._start())
        self._ready.set()
        self._loop.run_forever()

    async def _start(self) -> None:
        self._session = aiohttp.ClientSession(auto_decompress=False)
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port = self._runner.addresses[0][1]
        self.base = f"http://127.0.0.1:{port}"

    async def _stop(self) -> None:
        await self._runner.cleanup()
        await self._session.close()
        # Calls that still hang for a caller who left long ago.
        hanging = asyncio.all_tasks() - {asyncio.current_task()}
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.heard.append(Heard(request.method, request.path_qs, headers, body))
        own_round = self._round
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            fault = self._next_fault(request.path_qs)
            return await (self._forward(request, body) if fault is None else self._misbehave(fault, request, body))
        finally:
            # A call that still hangs from before is not one of this round.
            self._at_once -= own_round == self._round

    def _next_fault(self, path: str) -> Fault | None:
        fault = self._fault
        if fault is None or fault.times <= 0 or any(part in path for part in UNDISTURBED):
            return None
        fault.times -= 1
        return fault

    async def _misbehave(self, fault: Fault, request: web.Request, body: bytes) -> web.StreamResponse:
        if fault.echo:
            told = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
            return web.Response(status=fault.echo, text=f"{told}\n\n{body.decode('utf-8', 'replace')}")
        if fault.answer:
            status, headers, content = fault.answer
            return web.Response(status=status, headers=headers, body=content)
        if fault.hang_s:
            await asyncio.sleep(fault.hang_s)
            return web.Response(status=504)
        if fault.late_s:
            self._later(fault.late_s, request, body)
            await asyncio.sleep(fault.late_s + 1)
            return web.Response(status=504)
        if fault.drop == "after":
            await self._forward(request, body)
        assert request.transport is not None
        request.transport.abort()
        return web.Response(status=502)

    def _later(self, delay_s: float, request: web.Request, body: bytes) -> None:
        async def do() -> None:
            await asyncio.sleep(delay_s)
            await self._forward(request, body)

        task = asyncio.ensure_future(do())
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _forward(self, request: web.Request, body: bytes) -> web.Response:
        # The Host header stays: a vendor may have been promised to under the address that the connector knows.
        headers = {name: value for name, value in request.headers.items() if name.lower() != "transfer-encoding"}
        url = self.target + request.path_qs
        async with self._session.request(
            request.method, url, headers=headers, data=body, allow_redirects=False
        ) as answer:
            content = await answer.read()
            kept = {n: v for n, v in answer.headers.items() if n.lower() not in ("transfer-encoding", "content-length")}
            return web.Response(status=answer.status, headers=kept, body=content)
