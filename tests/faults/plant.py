"""The processes of an installation (web, workers, sweeper) on a test's database, with services that may be broken."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from config import celery


@dataclass
class Plant:
    """Started processes by name. `environment` says which database and bell they use."""

    folder: Path
    environment: dict[str, str]
    running: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)

    def web(self) -> str:
        """The web server; returns its address once it answers."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        options = (
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--no-access-log",
            "--log-level",
            "warning",
            "--lifespan",
            "off",
        )
        self.start("web", "-m", "uvicorn", "config.asgi:application", *options)
        wait_until(lambda: _answers(f"http://127.0.0.1:{port}/api/v1/inbound/psa/"), what="the web server")
        return f"http://127.0.0.1:{port}"

    def workers(self) -> None:
        """Both Celery workers, as `make run` starts them."""
        for name, queues in (("inbox", (celery.INBOX, celery.PROCESS)), ("outbox", celery.outbox_queues())):
            self.start(f"worker-{name}", *worker_options(name, queues=queues, processes=2))

    def sweeper(self) -> None:
        self.start("sweeper", "manage.py", "sweep", "--every", "0.2")

    def manage(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """One management command, run to its end."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=settings.REPOSITORY, env=self.environment,
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    def start(self, name: str, *arguments: str) -> int:
        """Start a process in a session of its own and return its id."""
        with (self.folder / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, *arguments], cwd=settings.REPOSITORY, env=self.environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        return self.running[name].pid

    def kill(self, name: str) -> None:
        """kill -9 of a process and all it has started."""
        process = self.running.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=10)

    def close(self) -> None:
        for name in list(self.running):
            self.kill(name)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")


def worker_options(name: str, *, queues: tuple[str, ...], processes: int) -> list[str]:
    """The arguments after `python`, as the launcher has them."""
    return ["-m", "celery", "-A", "config", "worker", "-n", f"{name}-{os.getpid()}@%h", "-Q", ",".join(queues),
            "--without-gossip", "--without-mingle", "--loglevel", "warning", "--concurrency", str(processes)]  # fmt: skip


def wait_until(seen: Callable[[], bool], *, what: str, timeout_s: float = 40) -> float:
    """Seconds it took until `seen` was true."""
    started = time.monotonic()
    while not seen():
        assert time.monotonic() - started < timeout_s, f"{what} did not come within {timeout_s} s"
        time.sleep(0.05)
    return time.monotonic() - started


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return True
    except OSError:
        return False
