"""The result as a table for people."""

from collections.abc import Iterator
from typing import Any

WIDTHS = (44, 16, 16, 14, 10)


def lines(results: dict[str, Any]) -> Iterator[str]:
    """One line per figure: what, absolute, ratio within this run, target."""
    yield _row("what", "absolute", "ratio", "target", "")
    yield "-" * sum(WIDTHS)
    for part, table in (("a", _stories), ("b", _accepting), ("c", _replays), ("d", _growth)):
        found = results.get(part)
        if found is None:
            continue
        if "failed" in found:
            yield _row(f"({part}) failed", found["failed"][:200])
            continue
        yield from (_row(*cells) for cells in table(found))
    yield _row("all of it", f"{results.get('seconds', 0)} s", "", "< 600 s")


def _stories(a: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    quick, slow = a["at_0_ms"], a["at_100_ms"]
    yield "(a) durable steps/s, 0 ms", f"{quick['steps_per_s']}", f"{a['times_dbos_at_0_ms']} x DBOS", ">= 5 x"
    yield "    stories/s, 0 ms", f"{quick['stories_per_s']}", f"{quick['calls_per_s']} calls/s"
    yield "    CPU per step: workers, PostgreSQL, sandbox", _cpu(quick)
    for one in a["dbos_at_0_ms"]:
        yield f"    DBOS, {one['processes']} process(es), 0 ms", f"{one['steps_per_s']}", "", "", ""
        yield "    CPU per step: workers, PostgreSQL, sandbox", _cpu(one)
    yield "    durable steps/s, 100 ms", f"{slow['steps_per_s']}", f"{a['times_dbos_at_100_ms']} x DBOS"
    yield "    stories/s, 100 ms", f"{slow['stories_per_s']}"
    yield (
        "    NetSuite calls/s of its concurrency / 100 ms",
        f"{slow['busiest_calls_per_s']} of {a['netsuite_allowed_calls_per_s']:.0f}",
        f"{a['netsuite_used_percent']} %",
        ">= 90 %",
    )
    yield f"    DBOS, {a['dbos_in_flight']} stories in flight, 100 ms", f"{a['dbos_at_100_ms']['steps_per_s']}"
    for number, rate in a["commits_per_s"].items():
        yield f"    insert and commit, {number} connection(s)", f"{rate:.0f}/s"


def _accepting(b: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for when in ("idle", "busy"):
        one = b[when]
        yield (
            f"(b) webhook accepted at {b['per_s']}/s, {when}: p50, p99",
            f"{one['p50_ms']}, {one['p99_ms']} ms",
            f"{one['refused']} refused",
            "p99 < 30 ms" if when == "busy" else "",
        )


def _replays(c: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    rss = c["rss_mb"]
    yield "(c) dead letters replayed, to the end", f"{c['replayed_per_s']}/s", f"{c['letters']} letters"
    yield "    of which the decision itself", f"{c['decided_per_s']}/s"
    grown = f"+{rss['most'] - rss['after_tenth']:.1f} MB"
    yield "    memory before, most", f"{rss['before']}, {rss['most']} MB", grown, "flat"
    yield "    cases still open", f"{c['cases_still_open']}", "", "0"


def _growth(d: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    best = max(one["steps_per_s"] for one in d["sizes"])
    for one, spent in zip(d["sizes"], d["cpu_ms_per_step"], strict=True):
        share = f"{100 * one['steps_per_s'] / best:.0f} % of best"
        yield (
            f"(d) steps/s, {one['finished_events']:,} finished events",
            f"{one['steps_per_s']}",
            share,
            ">= 90 %",
            f"{spent} ms",
        )


def _cpu(one: dict[str, Any]) -> str:
    spent = one["cpu_ms_per_step"]
    return f"{spent['workers']}, {spent['postgres']}, {spent['sandbox']} ms"


def _row(*cells: str) -> str:
    return "".join(f"{cell:<{width}}" for cell, width in zip(cells, WIDTHS, strict=False)).rstrip()
