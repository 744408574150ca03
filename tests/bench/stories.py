"""(a) Stories through the whole engine: webhook to posted invoice to news in the CRM."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil
from django.db import connection

from tests.bench import company
from tests.bench.place import Place

LOOK_EVERY_S = 0.1
TOO_LONG_S = 150.0


@dataclass(frozen=True, slots=True)
class Told:
    """What a run of stories came to. CPU in seconds by who spent it."""

    stories: int
    steps: int
    commands: int
    calls: int
    seconds: float
    cpu: dict[str, float]
    busiest_calls_per_s: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """For the result file."""
        return {
            "stories": self.stories,
            "steps": self.steps,
            "commands": self.commands,
            "http_calls": self.calls,
            "seconds": round(self.seconds, 2),
            "steps_per_s": round(self.steps / self.seconds, 1),
            "stories_per_s": round(self.stories / self.seconds, 2),
            "calls_per_s": round(self.calls / self.seconds, 1),
            "busiest_calls_per_s": round(self.busiest_calls_per_s, 1),
            "cpu_ms_per_step": {who: round(1000 * spent / max(1, self.steps), 2) for who, spent in self.cpu.items()},
        }


def tell(place: Place, *, count: int, workers: Sequence[str], database: str, watch: str = "") -> Told:
    """Play `count` stories on a fresh database with these worker processes, and wait until the CRM knows of all."""
    url = place.database(database)
    return play(place, refs=company.win_deals(place, count=count), workers=workers, url=url, watch=watch)


def play(place: Place, *, refs: Sequence[str], workers: Sequence[str], url: str, watch: str = "") -> Told:
    """As `tell`, for deals already won, on the database as it stands. `watch`: the vendor whose pace is noted."""
    steps, commands = _steps(), _commands()
    calls = _calls(place)
    children = [place.python("tests.bench.worker", kind, DATABASE_URL=url) for kind in workers]
    for child in children:  # starting Django is not what is measured
        assert child.stdout is not None
        child.stdout.readline()
    pids = {"workers": [child.pid for child in children], "sandbox": [place.sandbox_pid]}
    before = {**{who: cpu_s(own) for who, own in pids.items()}, "postgres": cpu_s(place.postgres_pids())}
    began = time.perf_counter()
    company.hear_of_deals(refs)
    pace = _Pace(place, watch)
    _be_the_psa(len(refs), began=began, pace=pace)
    seconds = time.perf_counter() - began
    spent = {**{who: cpu_s(own) for who, own in pids.items()}, "postgres": cpu_s(place.postgres_pids())}
    place.end(*children)
    return Told(
        stories=len(refs),
        steps=_steps() - steps,
        commands=_commands() - commands,
        calls=_calls(place) - calls,
        seconds=seconds,
        cpu={who: spent[who] - before[who] for who in before},
        busiest_calls_per_s=pace.busiest,
    )


class _Pace:
    """Calls per second of one vendor, over the busiest stretch of some seconds."""

    STRETCH_S = 4.0

    def __init__(self, place: Place, vendor: str) -> None:
        self.place, self.vendor, self.busiest = place, vendor, 0.0
        self._seen: list[tuple[float, int]] = []

    def look(self) -> None:
        if not self.vendor:
            return
        total = int(self.place.tell_sandbox(f"calls?vendor={self.vendor}")["total"])
        now = time.perf_counter()
        self._seen.append((now, total))
        then = next(((at, calls) for at, calls in reversed(self._seen) if now - at >= self.STRETCH_S), None)
        if then:
            self.busiest = max(self.busiest, (total - then[1]) / (now - then[0]))


def _be_the_psa(count: int, *, began: float, pace: _Pace) -> None:
    """Say that each milestone is achieved once its project is active; return when the CRM knows of every invoice."""
    told = {pk for (pk,) in _rows("SELECT project_id FROM billing_billingmilestone WHERE state <> 'planned'")}
    wanted = len(told) + count
    while _value("SELECT count(*) FROM billing_invoice WHERE told_crm_at IS NOT NULL") < wanted:
        if time.perf_counter() - began > TOO_LONG_S:
            raise RuntimeError(f"only {len(told)} of {count} projects were active after {TOO_LONG_S:.0f} s: {_why()}")
        active = {pk for (pk,) in _rows("SELECT id FROM projects_project WHERE state = 'active'")} - told
        company.hear_of_milestones(sorted(active))
        told |= active
        pace.look()
        time.sleep(LOOK_EVERY_S)


def _why() -> str:
    cases = _rows("SELECT kind, min(cause), count(*) FROM exceptions_exceptioncase GROUP BY kind")
    stuck = _rows("SELECT saga, step, state, count(*) FROM processes_processrun WHERE state <> 'done' GROUP BY 1, 2, 3")
    return f"cases {cases}, runs {stuck}"


def _steps() -> int:
    return int(_value("SELECT count(*) FROM processes_processstep WHERE ended_at IS NOT NULL"))


def _commands() -> int:
    return int(_value("SELECT count(*) FROM events_outboxcommand WHERE state = 'acknowledged'"))


def _calls(place: Place) -> int:
    return int(place.tell_sandbox("calls")["total"])


def cpu_s(pids: Sequence[int]) -> float:
    """User and system time these processes have spent, in seconds."""
    total = 0.0
    for pid in pids:
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def _value(query: str) -> Any:
    return _rows(query)[0][0]


def _rows(query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchall()
