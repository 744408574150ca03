"""Calls to Tieout: kept in the ledger until a 2xx came back, tried again with growing pauses, bounded."""

import asyncio
import contextlib
import heapq
import random
import time
from dataclasses import dataclass, field
from typing import Any, Protocol

import aiohttp
from pydantic_core import to_json

from apps.sandbox.ledger import Ledger
from apps.sandbox.settings import WebhookSettings

_VENDOR, _KIND = "emitter", "_out"


@dataclass(frozen=True, slots=True)
class Parcel:
    """One HTTP call ready to go."""

    body: bytes
    headers: dict[str, str]


class Envelope(Protocol):
    """How one target's events become a call: HubSpot packs many, CloudEvents go one by one."""

    size: int

    def pack(self, events: list[dict[str, Any]], *, url: str, attempt: int) -> Parcel: ...


@dataclass(slots=True)
class Disturbance:
    """What the control door does to deliveries."""

    duplicate: int = 0
    shuffle: bool = False
    delay_ms: float = 0
    pause: bool = False


@dataclass(order=True, slots=True)
class _Waiting:
    due: float
    number: int
    event: dict[str, Any] = field(compare=False)
    attempt: int = field(default=0, compare=False)
    since: float = field(default=0.0, compare=False)


@dataclass(slots=True)
class Lane:
    """One target's queue and its figures."""

    code: str
    url: str
    envelope: Envelope
    waiting: list[_Waiting] = field(default_factory=list)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    pending: int = 0
    delivered: int = 0
    failed_attempts: int = 0
    dropped: int = 0
    last_error: str = ""

    def as_json(self) -> dict[str, Any]:
        names = ("url", "pending", "delivered", "failed_attempts", "dropped", "last_error")
        return {name: getattr(self, name) for name in names}


class Emitter:
    """At least once, in no promised order, like the vendors themselves."""

    def __init__(self, ledger: Ledger, *, settings: WebhookSettings) -> None:
        self.disturbance = Disturbance()
        self.lanes: dict[str, Lane] = {}
        self._ledger = ledger
        self._settings = settings
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    def add_lane(self, code: str, *, url: str, envelope: Envelope) -> None:
        self.lanes[code] = Lane(code=code, url=url, envelope=envelope)

    def emit(self, code: str, event: dict[str, Any]) -> bool:
        """Queue one event, durably with the caller's next flush. False when nobody listens on this code."""
        lane = self.lanes.get(code)
        if lane is None:
            return False
        if lane.pending >= self._settings.max_pending:
            lane.dropped += 1
            return False
        number = self._ledger.next_id(_VENDOR, _KIND, start=1)
        self._ledger.put(_VENDOR, _KIND, number, {"code": code, "event": event, "since": time.time()})
        self._wait(lane, number=int(number), event=event, since=time.time())
        return True

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self._settings.timeout_s), json_serialize=_never
        )
        for number, row in self._ledger.table(_VENDOR, _KIND).rows.items():
            if lane := self.lanes.get(row["code"]):
                self._wait(lane, number=int(number), event=row["event"], since=row["since"])
        for lane in self.lanes.values():
            self._spawn(self._serve(lane))

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def forget(self) -> None:
        """Drop what waits; the ledger has been reset."""
        for lane in self.lanes.values():
            lane.waiting.clear()
            lane.pending = lane.delivered = lane.failed_attempts = lane.dropped = 0
            lane.last_error = ""
        self.disturb(Disturbance())

    def disturb(self, disturbance: Disturbance) -> None:
        self.disturbance = disturbance
        for lane in self.lanes.values():
            lane.wake.set()

    def _wait(self, lane: Lane, *, number: int, event: dict[str, Any], since: float) -> None:
        delay_s = (self._settings.linger_ms + self.disturbance.delay_ms) / 1000
        heapq.heappush(lane.waiting, _Waiting(time.monotonic() + delay_s, number, event, since=since))
        lane.pending += 1
        lane.wake.set()

    async def _serve(self, lane: Lane) -> None:
        slots = asyncio.Semaphore(self._settings.concurrency)
        while True:
            lane.wake.clear()
            pause_s = None if self.disturbance.pause or not lane.waiting else lane.waiting[0].due - time.monotonic()
            if pause_s is None or pause_s > 0:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(lane.wake.wait(), timeout=pause_s)
                continue
            await slots.acquire()
            self._spawn(self._deliver(lane, self._take(lane), slots=slots))

    def _take(self, lane: Lane) -> list[_Waiting]:
        due: list[_Waiting] = []
        now = time.monotonic()
        room = lane.envelope.size if not self.disturbance.shuffle else max(lane.envelope.size, 1000)
        while lane.waiting and lane.waiting[0].due <= now and len(due) < room:
            due.append(heapq.heappop(lane.waiting))
        if self.disturbance.shuffle:
            random.shuffle(due)
            for late in due[lane.envelope.size :]:
                heapq.heappush(lane.waiting, late)
        return due[: lane.envelope.size]

    async def _deliver(self, lane: Lane, batch: list[_Waiting], *, slots: asyncio.Semaphore) -> None:
        try:
            for _copy in range(1 + self.disturbance.duplicate):
                if not batch:
                    return
                failure = await self._post(lane, batch)
            if failure:
                self._postpone(lane, batch, failure=failure)
            else:
                self._settle(lane, batch)
                lane.delivered += len(batch)
        finally:
            slots.release()

    async def _post(self, lane: Lane, batch: list[_Waiting]) -> str:
        assert self._session is not None
        attempt = max(one.attempt for one in batch)
        parcel = lane.envelope.pack([one.event for one in batch], url=lane.url, attempt=attempt)
        try:
            async with self._session.post(lane.url, data=parcel.body, headers=parcel.headers) as response:
                await response.read()
                return "" if response.status < 300 else f"HTTP {response.status}"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return f"{type(error).__name__}: {error}"

    def _postpone(self, lane: Lane, batch: list[_Waiting], *, failure: str) -> None:
        lane.failed_attempts += 1
        lane.last_error = failure
        s = self._settings
        for one in batch:
            if time.time() - one.since > s.give_up_after_s:
                lane.dropped += 1
                self._settle(lane, [one])
                continue
            pause_s = min(s.first_retry_s * s.retry_factor ** min(one.attempt, 20), s.retry_cap_s)
            one.attempt += 1
            one.due = time.monotonic() + pause_s
            heapq.heappush(lane.waiting, one)
        lane.wake.set()

    def _settle(self, lane: Lane, batch: list[_Waiting]) -> None:
        for one in batch:
            if self._ledger.get(_VENDOR, _KIND, str(one.number)) is not None:
                self._ledger.drop(_VENDOR, _KIND, str(one.number))
                lane.pending -= 1
        self._ledger.flush()

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _never(_value: Any) -> str:
    raise TypeError("bodies are packed by their envelope")


def encoded(value: Any) -> bytes:
    """The bytes that are signed and sent."""
    return to_json(value)
