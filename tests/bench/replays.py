"""(c) Ten thousand dead letters replayed by one person: items per second, and whether memory stays flat."""

import time
from typing import Any

import psutil

from apps.access.models import User
from apps.connectors import registry
from apps.connectors.models import ConnectedSystem
from apps.events.models import InboxEvent
from apps.exceptions.models import ExceptionCase
from apps.processes.decisions.dead_letters import replay_dead_letters
from apps.processes.demo import estate
from apps.processes.work_off import consume_all
from tests.bench import company
from tests.bench.place import Place

LETTERS = 10_000


def replay_letters(place: Place, *, count: int = LETTERS) -> dict[str, Any]:
    """Events of a system nobody could read become dead letters with a case each; then it is connected again."""
    place.database("bench_replays")
    estate.hire_people(password="correct horse battery")
    hubspot = ConnectedSystem.objects.filter(code="hubspot")
    company.hear_of_deals([str(9_000_000 + number) for number in range(count)])
    hubspot.update(vendor="gone", version=100)
    registry.forget_all()
    buried_s = _timed(consume_all)
    hubspot.update(vendor="hubspot", version=101)
    registry.forget_all()
    cases = list(ExceptionCase.objects.order_by("pk").values_list("pk", flat=True))
    by = User.objects.get(username="admin")
    rss = [_rss_mb()]
    began = time.perf_counter()
    for _ in replay_dead_letters(cases, by=by, why="connected again"):
        rss.append(_rss_mb())
    decided_s = time.perf_counter() - began
    while InboxEvent.objects.filter(state="received").exists():
        consume_all(budget_s=1)
        rss.append(_rss_mb())
    seconds = time.perf_counter() - began
    open_still = ExceptionCase.objects.exclude(state="resolved").count()
    return {
        "letters": len(cases),
        "buried_per_s": round(len(cases) / buried_s, 1),
        "decided_per_s": round(len(cases) / decided_s, 1),
        "replayed_per_s": round(len(cases) / seconds, 1),
        "cases_still_open": open_still,
        "rss_mb": {"before": rss[0], "after_tenth": rss[len(rss) // 10], "most": max(rss), "after": rss[-1]},
    }


def _timed(action: Any) -> float:
    began = time.perf_counter()
    while InboxEvent.objects.filter(state="received").exists():
        action()
    return time.perf_counter() - began


def _rss_mb() -> float:
    return round(psutil.Process().memory_info().rss / 1e6, 1)
