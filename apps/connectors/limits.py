"""How many calls per second a system bears now: one bucket for all processes in Redis, on Redis' own clock.

The rate starts at the system's ceiling, halves when the vendor throttles and climbs back by 5 % of the ceiling
a minute. Without Redis each process keeps a bucket of its own with its share: slower, never unlimited.
"""

import threading
import time
from dataclasses import dataclass
from typing import Any

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.commands.core import Script
from redis.retry import Retry

from apps.connectors.models import ConnectedSystem

# Each process's share while Redis is away is the rate divided by this.
PROCESSES = 8
REDIS_TIMEOUT_S = 0.3
REDIS_REST_S = 5.0
CLIMB_PER_MINUTE = 0.05
LOWEST_SHARE = 1 / 64
# What one burst of refused calls reports together counts as one refusal.
HALVE_AT_MOST_EVERY_S = 1.0
_FORGET_AFTER_MS = 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Grant:
    """`count` calls may leave now; for the others it is worth asking again in `wait_s`."""

    count: int
    wait_s: float = 0.0


# Both scripts see one hash: tokens, at (last refill), rate (present), climbed (last change of rate), halved; and a pause key.
# A bucket seen for the first time holds one token, so a lost Redis does not release a burst from every process.
_TAKE = """
local t = redis.call('TIME'); local now = t[1] + t[2] / 1e6
local ceiling, burst, wanted, climb = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local paused = redis.call('GET', KEYS[2])
if paused and tonumber(paused) > now then return {0, tostring(tonumber(paused) - now)} end
local b = redis.call('HMGET', KEYS[1], 'tokens', 'at', 'rate', 'climbed')
local tokens, at, rate, climbed = tonumber(b[1]) or 1, tonumber(b[2]) or now, tonumber(b[3]) or ceiling, tonumber(b[4]) or now
rate = math.min(ceiling, rate + ceiling * climb * math.max(0, now - climbed) / 60)
tokens = math.min(math.max(burst, 1), tokens + math.max(0, now - at) * rate)
local granted = math.min(wanted, math.floor(tokens))
tokens = tokens - granted
redis.call('HSET', KEYS[1], 'tokens', tostring(tokens), 'at', tostring(now), 'rate', tostring(rate), 'climbed', tostring(now))
redis.call('PEXPIRE', KEYS[1], ARGV[5])
local wait = 0
if granted < wanted then wait = math.max(0, 1 - tokens) / rate end
return {granted, tostring(wait)}
"""
_THROTTLE = """
local t = redis.call('TIME'); local now = t[1] + t[2] / 1e6
local ceiling, pause, lowest, every = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local b = redis.call('HMGET', KEYS[1], 'rate', 'halved')
local rate, halved = tonumber(b[1]) or ceiling, tonumber(b[2]) or 0
if now - halved >= every then
  rate = math.max(ceiling * lowest, rate / 2)
  redis.call('HSET', KEYS[1], 'rate', tostring(rate), 'halved', tostring(now), 'climbed', tostring(now))
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
end
local old = tonumber(redis.call('GET', KEYS[2]) or '0')
-- Nothing is saved up during the pause: the first second after it is like any other.
redis.call('HSET', KEYS[1], 'tokens', '0', 'at', tostring(math.max(now + pause, old)))
if pause > 0 and now + pause > old then redis.call('SET', KEYS[2], tostring(now + pause), 'PX', math.ceil(pause * 1000)) end
return tostring(rate)
"""
_GIVE_BACK = """
redis.call('HINCRBYFLOAT', KEYS[1], 'tokens', ARGV[1])
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""


def take(system: ConnectedSystem, count: int) -> Grant:
    """Up to `count` calls of `system` may leave now; one round trip for the whole set."""
    answer = _link.run(_TAKE, system, system.rate_per_s, system.burst, count, CLIMB_PER_MINUTE, _FORGET_AFTER_MS)
    if answer is None:
        return _own_bucket(system).take(count)
    return Grant(int(answer[0]), float(answer[1]))


def throttled(system: ConnectedSystem, *, retry_after_s: float | None) -> None:
    """The vendor refused for being called too often: halve the rate, and pause as long as it asked."""
    pause_s = min(max(retry_after_s or 0.0, 0.0), 24 * 3600)
    _own_bucket(system).throttle(pause_s)
    _link.run(_THROTTLE, system, system.rate_per_s, pause_s, LOWEST_SHARE, HALVE_AT_MOST_EVERY_S, _FORGET_AFTER_MS)


def give_back(system: ConnectedSystem, count: int) -> None:
    """Return grants that were not used, such as those a lack of slots or an open breaker left over."""
    if count > 0:
        _link.run(_GIVE_BACK, system, count, _FORGET_AFTER_MS)


class _Bucket:
    """The same rules in one process, at its share of the rate."""

    def __init__(self) -> None:
        self.tokens = 1.0
        self.at = self.climbed = time.monotonic()
        self.rate: float | None = None
        self.ceiling = 1.0
        self.burst = 1.0
        self.halved = self.paused_until = float("-inf")
        self.lock = threading.Lock()

    def fit(self, system: ConnectedSystem) -> "_Bucket":
        self.ceiling = system.rate_per_s / PROCESSES
        self.burst = max(1.0, system.burst / PROCESSES)
        return self

    def take(self, count: int) -> Grant:
        with self.lock:
            now = time.monotonic()
            if now < self.paused_until:
                return Grant(0, self.paused_until - now)
            rate = self._climb(now)
            self.tokens = min(self.burst, self.tokens + max(0.0, now - self.at) * rate)
            self.at = now
            granted = min(count, int(self.tokens))
            self.tokens -= granted
            return Grant(granted, 0.0 if granted == count else max(0.0, 1 - self.tokens) / rate)

    def throttle(self, pause_s: float) -> None:
        with self.lock:
            now = time.monotonic()
            rate = self._climb(now)
            if now - self.halved >= HALVE_AT_MOST_EVERY_S:
                self.rate, self.halved = max(self.ceiling * LOWEST_SHARE, rate / 2), now
            self.paused_until = max(self.paused_until, now + pause_s)
            self.tokens, self.at = 0.0, self.paused_until

    def _climb(self, now: float) -> float:
        present = self.ceiling if self.rate is None else self.rate
        self.rate = min(self.ceiling, present + self.ceiling * CLIMB_PER_MINUTE * (now - self.climbed) / 60)
        self.climbed = now
        return self.rate


class _Link:
    """The connection to Redis, left alone for a while after a failure: one slow answer in five seconds, not one per call."""

    def __init__(self) -> None:
        self._client: redis.Redis | None = None
        self._scripts: dict[str, Script] = {}
        self._resting_until = 0.0

    def run(self, script: str, system: ConnectedSystem, *arguments: float) -> Any:
        """What the script answers, None when Redis is away."""
        if time.monotonic() < self._resting_until:
            return None
        try:
            return self._script(script)(keys=_keys(system), args=arguments)
        except (redis.RedisError, OSError):
            self._resting_until = time.monotonic() + REDIS_REST_S
            return None

    def _script(self, text: str) -> Script:
        if self._client is None:
            self._client = redis.Redis.from_url(
                settings.REDIS_URL,
                socket_timeout=REDIS_TIMEOUT_S,
                socket_connect_timeout=REDIS_TIMEOUT_S,
                retry=Retry(NoBackoff(), 0),
                decode_responses=True,
            )
        if text not in self._scripts:
            self._scripts[text] = self._client.register_script(text)
        return self._scripts[text]


_link = _Link()
_buckets: dict[str, _Bucket] = {}


def _own_bucket(system: ConnectedSystem) -> _Bucket:
    return _buckets.setdefault(system.code, _Bucket()).fit(system)


def _keys(system: ConnectedSystem) -> list[str]:
    return [f"tieout:limit:{system.code}", f"tieout:limit:{system.code}:pause"]
