"""The programs of one machine: which command each is, and what it listens to."""

import sys
from collections.abc import Sequence
from pathlib import Path

from config.launcher.parts import Program


class Programs:
    """Builds the programs of one run-time folder; two cores are the measure of the worker sizes."""

    def __init__(self, *, home: Path, repository: Path) -> None:
        self._home = home
        self._repository = repository

    def sandbox(self, *, port: int, config: Path) -> Program:
        """The pretended vendors, with a ledger of their own."""
        return self._python("sandbox", "-m", "apps.sandbox", "--port", str(port), "--config", str(config))

    def tryton(self, *, port: int) -> Program:
        """The real ERP; installs and provisions itself on its first start."""
        return self._python(
            "tryton", "-m", "apps.sandbox.tryton", "serve", "--home", str(self._home), "--port", str(port)
        )

    def web(self, *, port: int) -> Program:
        """Screens and API."""
        options = ("--host", "127.0.0.1", "--port", str(port), "--no-access-log", "--no-server-header")
        more = ("--timeout-graceful-shutdown", "3", "--log-level", "warning", "--lifespan", "off")
        return self._python("web", "-m", "uvicorn", "config.asgi:application", *options, *more)

    def worker(self, name: str, *, queues: Sequence[str], processes: int) -> Program:
        """A Celery worker; gossip and mingle would only wake sleeping machines."""
        options = ("--without-gossip", "--without-mingle", "--loglevel", "warning", "--concurrency", str(processes))
        return self._python(
            f"worker-{name}",
            "-m",
            "celery",
            "-A",
            "config",
            "worker",
            "-n",
            f"{name}@%h",
            "-Q",
            ",".join(queues),
            *options,
        )

    def beat(self) -> Program:
        """The clock that wakes the workers; it remembers nothing, so nothing can be spoilt by a kill."""
        options = ("--loglevel", "warning", "--scheduler", "celery.beat.Scheduler", "--pidfile=")
        return self._python("beat", "-m", "celery", "-A", "config", "beat", *options)

    def command(self, name: str, *arguments: str) -> Program:
        """A management command, once or for as long as it runs."""
        return self._python(name, "manage.py", *arguments)

    def _python(self, name: str, *arguments: str) -> Program:
        return Program(
            name=name,
            command=(sys.executable, *arguments),
            home=self._home,
            folder=self._repository,
            environment={"TIEOUT_HOME": str(self._home), "PYTHONUNBUFFERED": "1"},
        )
