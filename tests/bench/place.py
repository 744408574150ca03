"""Where the benchmarks run: services, sandbox and databases of their own below the run-time folder."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from config.embedded import postgres, redis
from config.launcher import answers, secrets

START_TIMEOUT_S = 30
TEMPLATE = "bench_template"


@dataclass
class Place:
    """Everything a part of the benchmark needs. `sandbox` is the address of the pretended vendors."""

    home: Path
    sandbox: str = ""
    sandbox_pid: int = 0
    _children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def database(self, name: str) -> str:
        """A fresh database with the demo company in it; this process works on it from now on. Returns its URL."""
        connections.close_all()
        with psycopg.connect(postgres.url(self.home, database="postgres"), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            source = "" if name == TEMPLATE else f' TEMPLATE "{TEMPLATE}" STRATEGY file_copy'
            connection.execute(f'CREATE DATABASE "{name}"{source}')
        connections["default"].settings_dict["NAME"] = name
        return postgres.url(self.home, database=name)

    def spawn(
        self, command: Sequence[str], *, log: str, stdin: bool = False, **environment: str
    ) -> subprocess.Popen[bytes]:
        """A process of the benchmark; ended with it at the latest."""
        with (self.home / "logs" / f"{log}.log").open("ab") as out:
            child = subprocess.Popen(
                list(command),
                cwd=settings.REPOSITORY,
                stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=out,
                env=self._environment(environment),
            )
        self._children.append(child)
        return child

    def python(self, module: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """As `spawn`, for a module of ours."""
        command = [sys.executable, "-m", module, *arguments]
        return self.spawn(command, log=module.rpartition(".")[2], stdin=False, **environment)

    def end(self, *children: subprocess.Popen[bytes]) -> None:
        """Stop these processes and wait for them."""
        for child in children:
            child.send_signal(signal.SIGTERM)
        for child in children:
            try:
                child.wait(timeout=START_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            if child.stdout:
                child.stdout.close()
            self._children.remove(child)

    def forget(self, child: subprocess.Popen[bytes]) -> None:
        """A process that has ended by itself."""
        self._children.remove(child)

    def tell_sandbox(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The sandbox's control door: POST with a body, GET without."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.sandbox}/_control/{path}", data)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read() or b"null")

    def postgres_pids(self) -> list[int]:
        """The server and its backends."""
        server = psutil.Process(postgres.pid(self.home) or 0)
        return [server.pid, *(child.pid for child in server.children())]

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, "TIEOUT_HOME": str(self.home), "LOG_LEVEL": "WARNING", **more}


@contextmanager
def opened() -> Iterator[Place]:
    """PostgreSQL (fsync on), Redis and the sandbox, running; ended afterwards."""
    home: Path = settings.TIEOUT_HOME
    (home / "logs").mkdir(parents=True, exist_ok=True)
    place = Place(home)
    postgres.start(home)
    redis.start(home)
    try:
        _start_sandbox(place)
        yield place
    finally:
        connections.close_all()
        place.end(*list(place._children))
        redis.stop(home)
        postgres.stop(home)


def _start_sandbox(place: Place) -> None:
    folder = place.home / "secrets"
    secrets.make_secrets(folder)
    ledger = place.home / "sandbox" / "ledger.jsonl"
    ledger.unlink(missing_ok=True)
    config = secrets.write_sandbox_config(folder / "sandbox.json", folder=folder, ledger=ledger, targets={})
    document = json.loads(config.read_text())
    # The vendors' own limits are not what is measured; ours are raised with them, see company.py.
    document["hubspot"]["rate_limits"] = {"ten_secondly": 0, "search_secondly": 0}
    document["netsuite"]["concurrency_limit"] = 0
    config.write_text(json.dumps(document))
    child = place.python("apps.sandbox", "--port", "0", "--config", str(config))
    assert child.stdout is not None
    line = child.stdout.readline().decode()
    place.sandbox, place.sandbox_pid = f"http://{line.strip().rpartition('http://')[2]}", child.pid
    deadline = time.monotonic() + START_TIMEOUT_S
    while answers.status(f"{place.sandbox}/health") != 200:
        if time.monotonic() > deadline:
            raise RuntimeError("the sandbox did not start; see logs/sandbox.log in the run-time folder")
        time.sleep(0.05)


def make_template(place: Place) -> None:
    """The database every part starts from: schema, masters, connected systems, nobody who has to approve."""
    from tests.bench import company

    place.database(TEMPLATE)
    call_command("migrate", interactive=False, verbosity=0)
    company.found(sandbox_url=place.sandbox)
    connections.close_all()
