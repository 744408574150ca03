"""The parts of the benchmark by letter, and how large each is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from apps.events import bell
from tests.bench import accepting, growth, peers, replays, stories
from tests.bench.company import CONCURRENCY, NETSUITE_CONCURRENCY
from tests.bench.place import Place

# What is best on two cores: one process applies, one sends; PostgreSQL and the sandbox need the rest.
WORKERS = ("consume", "send")
LATENCY_MS = 100
VENDORS = ("hubspot", "netsuite", "events/tax", "events/staffing", "events/documents")


def measure_stories(place: Place, count: int) -> dict[str, Any]:
    """stories through the whole engine, at 0 ms and 100 ms vendor latency, beside DBOS and bare commits"""
    quick = stories.tell(place, count=count, workers=WORKERS, database="bench_quick").as_json()
    commits = {str(number): peers.commits_per_s(place, connections=number) for number in (1, 4)}
    script = peers.write_script(place)
    rivals = [peers.dbos(place, script=script, stories=count // 4, processes=number) for number in (1, 2)]
    best = max(rivals, key=lambda one: float(one["steps_per_s"]))
    with _slow_vendors(place):
        slow = stories.tell(place, count=count // 2, workers=WORKERS, database="bench_slow", watch="netsuite").as_json()
        slow_rival = peers.dbos(place, script=script, stories=count // 4, processes=int(best["processes"]))
    allowed = NETSUITE_CONCURRENCY / (LATENCY_MS / 1000)
    return {
        "workers": WORKERS,
        "at_0_ms": quick,
        "dbos_at_0_ms": rivals,
        "times_dbos_at_0_ms": round(quick["steps_per_s"] / best["steps_per_s"], 2),
        "at_100_ms": slow,
        "dbos_at_100_ms": slow_rival,
        "dbos_in_flight": CONCURRENCY,
        "times_dbos_at_100_ms": round(slow["steps_per_s"] / slow_rival["steps_per_s"], 2),
        "netsuite_allowed_calls_per_s": allowed,
        "netsuite_used_percent": round(100 * slow["busiest_calls_per_s"] / allowed, 1),
        "commits_per_s": commits,
        "steps_per_commit_limit": round(quick["steps_per_s"] / max(commits.values()), 3),
    }


def measure_accepting(place: Place, count: int) -> dict[str, Any]:
    """webhooks accepted through uvicorn at 200/s, idle and while workers are busy"""
    return accepting.accept_webhooks(place)


def measure_replays(place: Place, count: int) -> dict[str, Any]:
    """ten thousand dead letters replayed"""
    return replays.replay_letters(place)


def measure_growth(place: Place, count: int) -> dict[str, Any]:
    """the same stories with 10 k, 100 k and 1 M finished events in the tables"""
    grown = growth.grow(place, workers=WORKERS)
    rates = [one["steps_per_s"] for one in grown]
    spent = [sum(one["cpu_ms_per_step"].values()) for one in grown]
    return {
        "sizes": grown,
        "slowest_of_fastest_percent": round(100 * min(rates) / max(rates), 1),
        # Work per step does not depend on who else uses the machine.
        "cpu_ms_per_step": [round(one, 2) for one in spent],
    }


PARTS = {"a": measure_stories, "b": measure_accepting, "c": measure_replays, "d": measure_growth}


@contextmanager
def _slow_vendors(place: Place) -> Iterator[None]:
    for vendor in VENDORS:
        place.tell_sandbox("latency", {"vendor": vendor, "ms": LATENCY_MS})
    yield
    for vendor in VENDORS:
        place.tell_sandbox("latency", {"vendor": vendor, "ms": 0})


# Worker processes look for themselves: nobody hears a bell here.
bell._silent_until = float("inf")
