"""HubSpot's request limits: a rolling ten seconds, a day, and a second for search."""

import time
from collections import deque

from apps.sandbox.clock import today
from apps.sandbox.http import Answer, correlation_id
from apps.sandbox.settings import HubSpotLimits


class Window:
    """At most `most` calls within any `span_s` seconds."""

    def __init__(self, most: int | None, *, span_s: float) -> None:
        self.most = most or 0
        self._span_s = span_s
        self._calls: deque[float] = deque()

    def admits(self) -> bool:
        if not self.most:
            return True
        now = time.monotonic()
        while self._calls and self._calls[0] <= now - self._span_s:
            self._calls.popleft()
        if len(self._calls) >= self.most:
            return False
        self._calls.append(now)
        return True

    @property
    def remaining(self) -> int:
        return self.most - len(self._calls)


class Limits:
    """One app's budget in one portal."""

    def __init__(self, limits: HubSpotLimits) -> None:
        self.change(limits)

    def change(self, limits: HubSpotLimits) -> None:
        self._rolling = Window(limits.ten_secondly, span_s=10)
        self._search = Window(limits.search_secondly, span_s=1)
        self._daily = limits.daily or 0
        self._day = today()
        self._used_today = 0

    def refusal(self, *, is_search: bool) -> Answer | None:
        if today() != self._day:
            self._day, self._used_today = today(), 0
        if self._daily and self._used_today >= self._daily:
            return _too_many("DAILY", "daily")
        if is_search and not self._search.admits():
            return _too_many("SECONDLY", "secondly")
        if not self._rolling.admits():
            answer = _too_many("TEN_SECONDLY_ROLLING", "ten_secondly_rolling")
            answer.headers = self.headers()
            return answer
        self._used_today += 1
        return None

    def headers(self) -> list[tuple[bytes, bytes]]:
        made: list[tuple[bytes, bytes]] = []
        if self._rolling.most:
            made += [
                (b"x-hubspot-ratelimit-max", str(self._rolling.most).encode()),
                (b"x-hubspot-ratelimit-remaining", str(self._rolling.remaining).encode()),
                (b"x-hubspot-ratelimit-interval-milliseconds", b"10000"),
            ]
        if self._daily:
            made += [
                (b"x-hubspot-ratelimit-daily", str(self._daily).encode()),
                (b"x-hubspot-ratelimit-daily-remaining", str(self._daily - self._used_today).encode()),
            ]
        return made


def _too_many(policy: str, name: str) -> Answer:
    body = {
        "status": "error",
        "message": f"You have reached your {name} limit.",
        "errorType": "RATE_LIMIT",
        "category": "RATE_LIMITS",
        "correlationId": correlation_id(),
        "policyName": policy,
    }
    return Answer(429, body)
