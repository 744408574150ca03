"""The inbound door as the web server sees it: requests are gathered and taken in as sets, by a few lasting threads.

Django's own way costs nine middlewares and several changes of thread per request; measured here it ended near
120 requests/s, with seconds of waiting, while workers were busy. A webhook needs none of them: no session, no
cookie, no page.
"""

import asyncio
import json
import re
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connections

from apps.api.problems import UNAVAILABLE
from apps.api.v1.inbound import LIMIT_BYTES, NO_SUCH_DOOR, TOO_LARGE, WRONG_METHOD, Call, Reply, refusal, take_in
from apps.core.context import chosen_correlation_id

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

PREFIX = "/api/v1/inbound/"
_PATH = re.compile(r"/api/v1/inbound/([-\w]+)/\Z", re.ASCII)
CLERKS = 2
MOST_IN_SET = 64
MOST_BYTES_IN_SET = 8 * 1024 * 1024
# More than this in the waiting room means that the database cannot keep up: the vendor shall come again.
MOST_WAITING = 2_000


async def door(scope: Scope, receive: Receive, send: Send) -> None:
    """ASGI application for everything below PREFIX."""
    headers = _headers(scope)
    story = chosen_correlation_id(headers.get("x-correlation-id"), headers.get("traceparent"))
    target = _target(scope)
    reply = await _reply(scope, receive, headers=headers, target=target, story=story)
    if reply is not None:
        await _answer(send, reply, story=story)


async def _reply(
    scope: Scope, receive: Receive, *, headers: Mapping[str, str], target: str, story: str
) -> Reply | None:
    found = _PATH.match(scope["path"])
    if found is None:
        return refusal(NO_SUCH_DOOR, target=target, story=story)
    if scope["method"] != "POST":
        return refusal(WRONG_METHOD, target=target, story=story)
    body = await _body(receive, said=headers.get("content-length", ""))
    if body is None:
        return None
    if len(body) > LIMIT_BYTES:
        return refusal(TOO_LARGE, target=target, story=story)
    return await _waiting_room().enter(Call(found[1], target, headers, body, story))


async def _body(receive: Receive, *, said: str) -> bytes | None:
    """The whole body; one byte too many when it is too large, None when the caller went away."""
    if said.isdigit() and int(said) > LIMIT_BYTES:
        return bytes(LIMIT_BYTES + 1)
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LIMIT_BYTES or not message.get("more_body"):
            return b"".join(parts)[: LIMIT_BYTES + 1]


async def _answer(send: Send, reply: Reply, *, story: str) -> None:
    body = json.dumps(reply.body).encode()
    headers = {
        **reply.headers,
        "content-length": str(len(body)),
        "x-correlation-id": story,
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


def _headers(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _target(scope: Scope) -> str:
    path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
    query = scope.get("query_string", b"").decode("latin-1")
    return f"{path}?{query}" if query else path


class WaitingRoom:
    """Calls that wait for a clerk. A clerk takes all that have come by then, so sets grow with the load."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Call, asyncio.Future[Reply]]] = deque()
        self._idle = CLERKS
        self._threads = ThreadPoolExecutor(CLERKS, thread_name_prefix="inbound")
        self._at_work: set[asyncio.Task[None]] = set()

    async def enter(self, call: Call) -> Reply:
        """The reply to a call, once it is committed."""
        if len(self._waiting) >= MOST_WAITING:
            return refusal(UNAVAILABLE, target=call.target, story=call.story)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append((call, future))
        if self._idle:
            self._idle -= 1
            task = asyncio.create_task(self._serve())
            self._at_work.add(task)
            task.add_done_callback(self._at_work.discard)
        return await future

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                taken = self._next_set()
                replies = await loop.run_in_executor(self._threads, _take_in, [call for call, _ in taken])
                for (_, future), reply in zip(taken, replies, strict=True):
                    if not future.done():
                        future.set_result(reply)
        finally:
            self._idle += 1

    def _next_set(self) -> list[tuple[Call, asyncio.Future[Reply]]]:
        taken, size = [self._waiting.popleft()], 0
        size = len(taken[0][0].body)
        while self._waiting and len(taken) < MOST_IN_SET and size < MOST_BYTES_IN_SET:
            taken.append(self._waiting.popleft())
            size += len(taken[-1][0].body)
        return taken


def _take_in(calls: list[Call]) -> list[Reply]:
    try:
        return take_in(calls)
    except Exception:
        # Nothing may leave a caller without an answer; the connection is not to be trusted any more.
        connections.close_all()
        return [refusal(UNAVAILABLE, target=call.target, story=call.story) for call in calls]


_rooms: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, WaitingRoom]" = weakref.WeakKeyDictionary()


def _waiting_room() -> WaitingRoom:
    """One per event loop: a web process has one."""
    loop = asyncio.get_running_loop()
    if loop not in _rooms:
        _rooms[loop] = WaitingRoom()
    return _rooms[loop]
