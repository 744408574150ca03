"""What stands beside our own figure in the same run: DBOS, and the rate at which rows can be inserted and committed."""

import json
import subprocess
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import psycopg

from config.embedded import postgres
from tests.bench import recording
from tests.bench.company import CONCURRENCY
from tests.bench.place import TEMPLATE, Place
from tests.bench.stories import cpu_s

HERE = Path(__file__).parent
COMMIT_FOR_S = 2.0


def dbos(place: Place, *, script: Path, stories: int, processes: int) -> dict[str, Any]:
    """The same stories by DBOS on the same PostgreSQL, with this many processes."""
    name = f"bench_dbos_{processes}"
    with psycopg.connect(postgres.url(place.home, database="postgres"), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name}")
    url = postgres.url(place.home, database=name)
    each = stories // processes
    python = str(place.home / "venv" / "bin" / "python")
    children = []
    for number in range(processes):
        arguments = [str(script), url, str(each), str(CONCURRENCY // processes), f"{uuid.uuid4().hex[:6]}{number}"]
        child = place.spawn([python, str(HERE / "peer_dbos.py"), *arguments], log="dbos", stdin=True)
        _line(child)  # one after the other: the first makes the schema
        children.append(child)
    pids = {"workers": [child.pid for child in children], "sandbox": [place.sandbox_pid]}
    before = {**{who: cpu_s(own) for who, own in pids.items()}, "postgres": cpu_s(place.postgres_pids())}
    began = time.perf_counter()
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"go\n")
        child.stdin.close()
    said = [json.loads(_line(child)) for child in children]
    seconds = time.perf_counter() - began
    spent = {**{who: cpu_s(own) for who, own in pids.items()}, "postgres": cpu_s(place.postgres_pids())}
    place.end(*children)
    steps = sum(one["steps"] for one in said)
    return {
        "processes": processes,
        "stories": each * processes,
        "steps": steps,
        "seconds": round(seconds, 2),
        "steps_per_s": round(steps / seconds, 1),
        "stories_per_s": round(each * processes / seconds, 2),
        "cpu_ms_per_step": {who: round(1000 * (spent[who] - before[who]) / steps, 2) for who in before},
    }


def write_script(place: Place) -> Path:
    """Record one story of ours and keep it for the peer; mode 600, it carries the sandbox's secrets."""
    script = recording.recorded_story(place)
    folder = place.home / "secrets"
    script["secrets"] = {
        code: json.loads((folder / f"{code}.json").read_text())["secret"] for code in ("tax", "staffing", "documents")
    }
    file = place.home / "peer_script.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(script))
    return file


def commits_per_s(place: Place, *, connections: int) -> float:
    """Rows inserted and committed one by one, fsync on: what one commit per thing could reach at most."""
    url = postgres.url(place.home, database=TEMPLATE)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS bench_commits")
        connection.execute("CREATE TABLE bench_commits (id bigserial PRIMARY KEY, body text)")
    counts = [0] * connections
    ends_at = time.monotonic() + COMMIT_FOR_S

    def insert(number: int) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while time.monotonic() < ends_at:
                connection.execute("INSERT INTO bench_commits (body) VALUES (%s)", ["x" * 100])
                counts[number] += 1

    threads = [threading.Thread(target=insert, args=[number]) for number in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / COMMIT_FOR_S


def _line(child: subprocess.Popen[bytes]) -> str:
    assert child.stdout is not None
    line = child.stdout.readline().decode()
    if not line:
        raise RuntimeError("a process of the peer ended early; see logs/dbos.log in the run-time folder")
    return line
