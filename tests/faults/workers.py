"""Real worker processes of a test, and the clock of the tables they work from."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from config.embedded import postgres


def environment(home: Path, **changed: str) -> dict[str, str]:
    """What a process needs to work on this test's database, bell and secrets."""
    name = str(settings.DATABASES["default"]["NAME"])
    (home / "test").mkdir(parents=True, exist_ok=True)
    secrets = home / "test" / "secrets"
    if not secrets.exists():
        secrets.symlink_to(settings.SECRETS_FOLDER)
    own = {
        "TIEOUT_HOME": str(home),
        "DATABASE_URL": postgres.url(settings.TIEOUT_HOME, database=name) if settings.EMBEDDED_DATABASE
        else settings.DATABASE_URL.rpartition("/")[0] + f"/{name}",
        "REDIS_URL": settings.REDIS_URL,
        "SECRET_KEY": "for the processes of one test",
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "PYTHONPATH": str(settings.REPOSITORY),
        "LOG_LEVEL": "WARNING",
    }  # fmt: skip
    kept = {key: value for key, value in os.environ.items() if key in ("PATH", "HOME", "LANG", "TMPDIR")}
    return kept | own | changed


@dataclass
class Worker:
    """One worker process; it works until it is killed, or dies at its failpoint."""

    pid: int
    forge: "Forge"

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """kill -9; one that is dead already stays so."""
        try:
            os.kill(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self.forge.code(self, timeout_s=5)

    def is_frozen(self) -> bool:
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@dataclass
class Forge:
    """Starts workers by forking a process that has loaded everything already."""

    home: Path
    _process: "subprocess.Popen[str]" = field(init=False)
    _workers: list[Worker] = field(default_factory=list)

    def __post_init__(self) -> None:
        with (self.home / "forge.log").open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.faults.forge"], cwd=settings.REPOSITORY, env=environment(self.home, STREAM_LEASE_S="3"),
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip

    def worker(self, failpoint: str = "", **changed: Any) -> Worker:
        """A worker that may die or freeze at a failpoint; other settings as named."""
        answer = self._ask({"start": {"FAILPOINT": failpoint or None, **changed}})
        self._workers.append(Worker(answer["pid"], self))
        return self._workers[-1]

    def code(self, worker: Worker, *, timeout_s: float) -> int | None:
        """Exit code of a worker (-9 when killed), None while it lives."""
        code = self._ask({"wait": worker.pid, "timeout_s": timeout_s})["code"]
        if code is not None and worker in self._workers:
            self._workers.remove(worker)
        return code  # type: ignore[no-any-return]

    def dismiss(self) -> None:
        """End every worker that is left."""
        for worker in list(self._workers):
            worker.kill()

    def close(self) -> None:
        self.dismiss()
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()

    def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


_PASS = """
UPDATE events_stream SET due_at = due_at - %(by)s, lease_until = lease_until - %(by)s
WHERE due_at IS NOT NULL OR lease_until IS NOT NULL;
UPDATE events_outboxcommand SET due_at = due_at - %(by)s, lease_until = lease_until - %(by)s
WHERE state IN ('pending', 'sent', 'unknown', 'accepted');
UPDATE connectors_concurrencyslot SET lease_until = lease_until - %(by)s WHERE lease_until IS NOT NULL;
UPDATE connectors_connectedsystem SET breaker_opened_at = breaker_opened_at - %(by)s,
    breaker_probe_until = breaker_probe_until - %(by)s, next_poll_at = next_poll_at - %(by)s,
    poll_lease_until = poll_lease_until - %(by)s;
"""


def let_time_pass(seconds: float) -> None:
    """As if `seconds` had gone by: all times that count are the tables' own."""
    with connection.cursor() as cursor:
        for statement in _PASS.strip().split(";")[:-1]:
            cursor.execute(statement.replace("%(by)s", "make_interval(secs => %s)"),
                           [seconds] * statement.count("%(by)s"))  # fmt: skip


def is_idle(*, soon_s: float = 5) -> bool:
    """Whether nothing is due now or soon. One statement: work moves from one table to the other in between two."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT NOT EXISTS (SELECT 1 FROM events_stream WHERE due_at < clock_timestamp() + make_interval(secs => %s)) "
            "AND NOT EXISTS (SELECT 1 FROM events_outboxcommand WHERE state IN ('pending', 'sent', 'unknown', 'accepted') "
            "AND due_at < clock_timestamp() + make_interval(secs => %s))",
            [soon_s, soon_s],
        )
        return bool(cursor.fetchone()[0])
