"""One command's conversation with a system: a shared deadline, one correlation id, every refusal told by the vendor's table."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from apps.connectors.base import Answer, Call, HttpDoor, Reply
from apps.connectors.failures import DOWN, UNKNOWN, failure
from apps.core.errors import BadInput, Failure, Rejected, TransientFailure

# A call with less time than this would only be cut off.
SHORTEST_CALL_S = 0.2
POLL_DEADLINE_S = 60.0

Told = Callable[[Reply, bool], Failure]
Verb = Callable[["Exchange", Call], Awaitable[Answer]]


class Exchange:
    """All calls of one command. `is_read` holds for the whole command; a single call may be a read within a write."""

    __slots__ = ("_ends", "_http", "_timeout_s", "_told", "correlation_id", "headers", "is_read")

    def __init__(
        self,
        http: HttpDoor,
        *,
        told: Told,
        timeout_s: float,
        deadline_s: float = POLL_DEADLINE_S,
        correlation_id: str = "",
        is_read: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._http = http
        self._told = told
        self._timeout_s = timeout_s
        self._ends = time.monotonic() + deadline_s
        self.correlation_id = correlation_id
        self.is_read = is_read
        self.headers = dict(headers or {})

    @property
    def left_s(self) -> float:
        """Seconds until the deadline."""
        return self._ends - time.monotonic()

    async def send(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        data: bytes | str | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        is_read: bool | None = None,
        expect: tuple[int, ...] = (),
    ) -> Reply:
        """One call. A status outside 2xx and `expect` is raised as the vendor's table tells it."""
        reads = self.is_read if is_read is None else is_read
        left_s = self.left_s
        if left_s < SHORTEST_CALL_S:
            raise TransientFailure(
                f"{method} not started: the deadline is {max(left_s, 0):.1f} s away", code="deadline"
            )
        reply = await self._http.send(
            method,
            url,
            headers=self.headers | dict(headers) if headers else self.headers,
            json=json,
            data=data,
            params=params,
            timeout_s=min(self._timeout_s, left_s),
            is_read=reads,
            correlation_id=self.correlation_id,
        )
        if 200 <= reply.status < 300 or reply.status in expect:
            return reply
        raise self._told(reply, reads)

    def read(self, reply: Reply, *, is_read: bool | None = None) -> dict[str, Any]:
        """The reply's JSON object. One that is none: tried again after a read, looked up after a write."""
        reads = self.is_read if is_read is None else is_read
        try:
            content = reply.json()
        except (ValueError, RecursionError) as error:
            raise failure(DOWN if reads else UNKNOWN, f"the answer ({reply.status}) is not JSON: {error}") from error
        if not isinstance(content, dict):
            raise failure(DOWN if reads else UNKNOWN, f"the answer ({reply.status}) is no JSON object")
        return content


async def performed(verb: Verb, exchange: Exchange, call: Call) -> Answer:
    """Carry out one verb. What the vendor holds and nobody can read is a case, so BadInput becomes Rejected."""
    try:
        return await verb(exchange, call)
    except BadInput as error:
        raise Rejected(f"{error} {error.mend}".strip(), code="payload_unreadable", field=error.path) from error


def unsupported(system: str, call: Call) -> Rejected:
    """A command sent to a system that has no such thing; sagas are to ask its capabilities first."""
    return Rejected(
        f"{system} cannot carry out {type(call.command).__name__}. Route it to another system or skip the step.",
        code="rejected_by_vendor",
    )
