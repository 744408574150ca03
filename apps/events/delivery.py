"""Delivery: takes claimed commands to their system, many calls in flight, and settles what comes back in sets."""

import asyncio
import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import uvloop
from django.db import close_old_connections, connections

from apps.canonical.codec import from_json
from apps.canonical.commands import COMMANDS
from apps.connectors import breaker, http, limits, pauses, registry, slots
from apps.connectors.base import Answer, Call, Connector
from apps.connectors.models import ConnectedSystem
from apps.core.errors import BadInput, Failure, Misconfigured, Rejected, TransientFailure, UnknownOutcome
from apps.core.ids import new_id
from apps.events import bell, failpoints, outbox, settlement, trouble
from apps.events.outbox import Claimed, Outcome

T = TypeVar("T")

BUDGET_S = 15.0
# Between the end of the longest call and the end of its lease: time to write the outcome.
MARGIN_S = 5.0
# Long enough for a turn to have something to write, short enough that the backlog of a slot's worth bridges it.
_PAUSE_BETWEEN_TURNS_S = 0.015
_RING_EVERY_S = 0.1
_LOOK_EVERY_S = 0.02

# One thread, so one database connection, for everything this process writes while calls are in flight.
_database = ThreadPoolExecutor(max_workers=1, thread_name_prefix="delivery-db")
_start = threading.Lock()
_running: tuple[int, asyncio.AbstractEventLoop] | None = None


def deliver(code: str, *, budget_s: float = BUDGET_S) -> int:
    """Send the due commands of one system until none is left or `budget_s` is over; returns how many were settled.

    Safe to run in parallel and to kill at any point: what was claimed and not settled comes back as a look-up.
    """
    return run(_drain(code, budget_s=budget_s))


def deliver_due(*, budget_s: float = BUDGET_S) -> int:
    """As `deliver`, for every system that has something due, all at the same time in this one process."""
    return run(_drain_due(time.monotonic() + budget_s))


def deliver_all(codes: Sequence[str], *, budget_s: float = BUDGET_S) -> int:
    """As `deliver`, for several systems at once: a slow one keeps nobody waiting but itself."""
    return sum(run(_together([_drain(code, budget_s=budget_s) for code in codes])))


def run(asking: Coroutine[Any, Any, T]) -> T:
    """Wait for one call to a connector on the loop that keeps the connections to vendors open."""
    answer = asyncio.run_coroutine_threadsafe(asking, _loop())
    try:
        return answer.result()
    except BaseException:
        # The waiting was interrupted (a time limit, Ctrl-C): what it waited for must not go on unwatched.
        answer.cancel()
        raise


def close() -> None:
    """Close this process's connections to vendors and the database; the next delivery opens them anew."""
    run(http.close())
    _database.submit(connections.close_all).result()


def _loop() -> asyncio.AbstractEventLoop:
    # One loop per process for its life, on a thread of its own: connections to vendors stay open between wake-ups,
    # and whoever calls may have a loop running already. After a fork there is neither thread nor loop.
    global _running
    with _start:
        if _running is None or _running[0] != os.getpid():
            loop = uvloop.new_event_loop()
            threading.Thread(target=loop.run_forever, name="delivery-loop", daemon=True).start()
            _running = (os.getpid(), loop)
        return _running[1]


async def _together(drains: Sequence[Coroutine[Any, Any, int]]) -> list[int]:
    """Let every drain end before the first failure is told."""
    ended = await asyncio.gather(*drains, return_exceptions=True)
    for each in ended:
        if isinstance(each, BaseException):
            raise each
    return [each for each in ended if isinstance(each, int)]


async def _in_database(action: Callable[..., T], *arguments: Any, **options: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(_database, lambda: action(*arguments, **options))


async def _drain_due(ends_at: float) -> int:
    draining: dict[str, asyncio.Task[int]] = {}
    settled, refused = 0, set()
    while True:
        for code in [code for code, task in draining.items() if task.done()]:
            count = draining.pop(code).result()
            settled += count
            if count == 0:
                refused.add(code)  # paused, or its limits are used up: not before the next wake-up
        left_s = ends_at - time.monotonic()
        for code in await _in_database(outbox.due_systems) if left_s > 0 else ():
            if code not in draining and code not in refused:
                draining[code] = asyncio.create_task(_drain(code, budget_s=left_s))
        if not draining:
            return settled
        await asyncio.wait(draining.values(), timeout=_LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED)


async def _drain(code: str, *, budget_s: float) -> int:
    drain = await _in_database(_prepare, code, budget_s)
    if drain is None:
        return 0
    workers = [asyncio.create_task(drain.work()) for _ in drain.slots]
    try:
        await drain.pump()
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        await _in_database(drain.close)
    return drain.settled


def _prepare(code: str, budget_s: float) -> "_Drain | None":
    # Nobody else looks after this thread's connection: one that broke with the database would stay broken.
    close_old_connections()
    system = ConnectedSystem.objects.filter(code=code).first()
    if system is None:
        trouble.report_unknown_system(code)
        return None
    if not pauses.may_be_called(system) or code not in outbox.due_systems():
        return None
    try:
        connector = registry.connector_of(system)
    except Misconfigured as error:
        trouble.pause_system(code, error)
        return None
    holder = new_id("SND")
    lease_s = budget_s + system.timeout_s + MARGIN_S
    held = slots.take_slots(
        system, min(system.max_concurrency, connector.capabilities.max_concurrency), holder=holder, lease_s=lease_s
    )
    return _Drain(system, connector, holder, held, time.monotonic() + budget_s) if held else None


class _Drain:
    """One stretch of sending to one system: a pump that claims and records in sets, and a worker per slot."""

    def __init__(
        self, system: ConnectedSystem, connector: Connector, holder: str, held: list[int], ends_at: float
    ) -> None:
        self.system, self.connector, self.holder, self.slots = system, connector, holder, held
        self.ends_at = ends_at
        self.call_lease_s = system.timeout_s + system.max_in_flight_s + MARGIN_S
        self.backlog: deque[tuple[Claimed, float]] = deque()
        self.ready = asyncio.Semaphore(0)
        self.finished: list[Outcome] = []
        self.in_flight = 0
        self.settled = 0
        self.stopped = False
        self.retry_at = 0.0

    async def pump(self) -> None:
        """Claim, let the workers call, record; until nothing is due and nothing in flight."""
        rung_at = 0.0
        while True:
            outcomes, self.finished = self.finished, []
            claimed_at = time.monotonic()
            wanted = 0 if self._is_over(claimed_at) else 2 * len(self.slots) - len(self.backlog) - self.in_flight
            claimed = await _in_database(self._turn, outcomes, wanted)
            for each in claimed:
                self.backlog.append((each, claimed_at))
                self.ready.release()
            if outcomes and time.monotonic() - rung_at > _RING_EVERY_S:
                await _in_database(bell.ring_inbox)
                rung_at = time.monotonic()
            if not (claimed or self.backlog or self.in_flight or self.finished):
                if outcomes:
                    continue  # what these settled may have freed the next command of its order
                rest_s = self.retry_at - time.monotonic()
                if rest_s <= 0 or self._is_over(time.monotonic()):
                    break
                await asyncio.sleep(rest_s)  # the pace asks for a moment; nobody else would come for these
                continue
            await asyncio.sleep(_PAUSE_BETWEEN_TURNS_S if self.in_flight or self.backlog else 0)
        if self.settled:
            await _in_database(bell.ring_inbox)

    async def work(self) -> None:
        """Make one call at a time, for as long as the drain lasts."""
        while True:
            await self.ready.acquire()
            claimed, claimed_at = self.backlog.popleft()
            self.in_flight += 1
            try:
                outcome = await self._outcome(claimed, claimed_at)
                # Not in one line: the pump may have taken the list away while this call was on its way.
                self.finished.append(outcome)
            finally:
                self.in_flight -= 1

    def close(self) -> None:
        """Give the slots back and hand on what was claimed and not tried."""
        slots.release_slots(self.system, self.slots, holder=self.holder)
        self.settled += len(outbox.record([*self.finished, *(settlement.untried(each) for each, _ in self.backlog)]))

    def _is_over(self, now: float) -> bool:
        return self.stopped or now > self.ends_at

    def _turn(self, outcomes: list[Outcome], wanted: int) -> list[Claimed]:
        if outcomes:
            failpoints.reach("before_record")
            self.settled += len(outbox.record(outcomes))
            failpoints.reach("after_record")
            breaker.record(self.system, **settlement.tally(outcomes))
        if wanted <= 0 or time.monotonic() < self.retry_at:
            return []
        wanted = breaker.admitted(self.system, wanted, lease_s=self.call_lease_s)
        if wanted == 0:
            self.stopped = True
            return []
        grant = limits.take(self.system, wanted)
        if grant.count == 0:
            self._rest(grant.wait_s)
            return []
        failpoints.reach("before_claim")
        claimed = outbox.claim(self.system.code, limit=grant.count, lease_s=self.call_lease_s)
        if claimed:
            failpoints.reach("after_claim")
        limits.give_back(self.system, grant.count - len(claimed))
        return claimed

    def _rest(self, wait_s: float) -> None:
        # A short wait is worth staying for; a long one is left to the next wake-up.
        self.retry_at = time.monotonic() + wait_s
        if wait_s > 1.0 or self.retry_at > self.ends_at:
            self.stopped = True

    async def _outcome(self, claimed: Claimed, claimed_at: float) -> Outcome:
        if spent := settlement.worn_out(claimed):
            return spent
        left_s = self.call_lease_s - self.system.max_in_flight_s - (time.monotonic() - claimed_at)
        if left_s < self.system.timeout_s:
            # Deadline guard: a call begun now could outlive its lease, and somebody else would look too early.
            return settlement.untried(claimed)
        try:
            answer = await _call(self.connector, claimed, deadline_s=left_s)
        except Misconfigured as error:
            self.stopped = True
            await _in_database(trouble.pause_system, self.system.code, error)
            return settlement.untried(claimed)
        except TransientFailure as error:
            if error.scope == "system":
                await _in_database(limits.throttled, self.system, retry_after_s=error.retry_after_s)
            return settlement.failed(claimed, error, capabilities=self.connector.capabilities)
        except Failure as error:
            return settlement.failed(claimed, error, capabilities=self.connector.capabilities)
        except Exception as error:
            return settlement.failed(claimed, _defect(error, claimed), capabilities=self.connector.capabilities)
        return settlement.answered(claimed, answer)


async def _call(connector: Connector, claimed: Claimed, *, deadline_s: float) -> Answer | None:
    kind = COMMANDS[claimed.name]
    try:
        command = from_json(kind, json.loads(claimed.body))  # our own words, so not checked for tricks
    except BadInput as error:
        raise Rejected(str(error), code="payload_unreadable", field=error.path) from error
    call = Call(
        command=command,
        idempotency_key=claimed.idempotency_key,
        legal_entity=claimed.legal_entity,
        correlation_id=claimed.correlation_id,
        deadline_s=deadline_s,
        attempt=claimed.attempts,
    )
    failpoints.reach("before_send")
    if claimed.kind == "poll":
        answer: Answer | None = await connector.poll(claimed.handle, call)
    elif claimed.kind == "lookup" and not kind.is_read:
        answer = await connector.lookup(call)
    else:
        answer = await connector.execute(call)
    failpoints.reach("after_send")
    return answer


def _defect(error: Exception, claimed: Claimed) -> Failure:
    message = f"{type(error).__name__} in the connector while {claimed.name} was on its way: {error}"
    if claimed.kind == "execute" and not COMMANDS[claimed.name].is_read:
        return UnknownOutcome(message, code="unknown_outcome", detail=repr(error))
    return TransientFailure(message, detail=repr(error))
