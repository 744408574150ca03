"""`make run` from start to end: services, schema, vendors, ERP, web, workers, demo company."""

import signal
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connections

from config import celery
from config.embedded import postgres, redis
from config.launcher import answers, preflight, secrets
from config.launcher.errors import CannotStartError
from config.launcher.parts import Part, Program, Server
from config.launcher.programs import Programs
from config.launcher.progress import say, stage
from config.launcher.supervisor import Supervisor

PORTS = ("TIEOUT_PORT", "SANDBOX_PORT", "TRYTON_PORT")
TRYTON_TIMEOUT_S = 900
DEMO_TIMEOUT_S = 900
READY_TIMEOUT_S = 180


def check_machine() -> None:
    """Everything that would fail later, said now. Raises CannotStartError."""
    preflight.check_disk(settings.TIEOUT_HOME)
    preflight.check_ports({name: getattr(settings, name) for name in PORTS})


class Launch:
    """One start of the whole system. Each stage prints a line when it is done."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._home: Path = settings.TIEOUT_HOME
        self._programs = Programs(home=self._home, repository=settings.REPOSITORY)
        self._tryton = self._programs.tryton(port=settings.TRYTON_PORT)

    def run(self) -> None:
        """Bring everything up; returns when /health/ says so and the demo company is there."""
        # The ERP takes a minute to install on the first start: it goes first, and the rest happens meanwhile.
        if not (self._home / "tryton" / "live").exists():
            say("Tryton is being installed and provisioned meanwhile (once, about a minute)")
        self._start(self._tryton)
        self._start_services()
        with stage("database schema is up to date"):
            call_command("migrate", interactive=False, verbosity=0)
            connections.close_all()
        with stage("static files are collected"):
            call_command("collectstatic", interactive=False, verbosity=0)
        self._start_sandbox()
        self._start_tieout()
        self._wait_for_tryton()
        self._wait_until_ready()
        self._load_demo()

    def _start_services(self) -> None:
        if settings.EMBEDDED_DATABASE:
            with stage("PostgreSQL is up"):
                self._start(Server("postgres", self._home, postgres.start, postgres.pid, signal.SIGINT))
        if settings.EMBEDDED_REDIS:
            with stage("Redis is up"):
                self._start(Server("redis", self._home, redis.start, redis.pid, signal.SIGTERM))

    def _start_sandbox(self) -> None:
        with stage("sandbox vendors answer"):
            secrets.make_secrets(settings.SECRETS_FOLDER)
            config = secrets.write_sandbox_config(
                settings.SECRETS_FOLDER / "sandbox.json",
                folder=settings.SECRETS_FOLDER,
                ledger=self._home / "sandbox" / "ledger.jsonl",
                targets=secrets.inbound_addresses(settings.PUBLIC_URL),
            )
            sandbox = self._programs.sandbox(port=settings.SANDBOX_PORT, config=config)
            self._start(sandbox)
            self._wait(sandbox, address=f"http://127.0.0.1:{settings.SANDBOX_PORT}/health", timeout_s=60)

    def _start_tieout(self) -> None:
        with stage("web server answers"):
            web = self._programs.web(port=settings.TIEOUT_PORT)
            self._start(web)
            for program in self._workers():
                self._start(program)
            self._wait(web, address=self._health, timeout_s=60)

    def _workers(self) -> tuple[Program, ...]:
        return (
            self._programs.worker("inbox", queues=(celery.INBOX, celery.PROCESS), processes=2),
            self._programs.worker("outbox", queues=celery.outbox_queues(), processes=2),
            self._programs.beat(),
            self._programs.command("sweeper", "sweep"),
        )

    def _wait_for_tryton(self) -> None:
        with stage("Tryton answers"):
            self._wait(self._tryton, address=f"http://127.0.0.1:{settings.TRYTON_PORT}/", timeout_s=TRYTON_TIMEOUT_S)

    def _wait_until_ready(self) -> None:
        with stage("everything is ready"):
            self._supervisor.wait_until(
                lambda: answers.status(self._health) == 200,
                what=lambda: f"{self._health} did not say ready; missing: {answers.missing(self._health)}",
                timeout_s=READY_TIMEOUT_S,
            )

    def _load_demo(self) -> None:
        """Once per run-time folder. A demo that fails leaves a running system, and says so."""
        stamp = self._home / "demo.loaded"
        if stamp.exists() and get_user_model().objects.exists():
            return
        with stage("demo company is loaded"):
            demo = self._programs.command("demo", "demo")
            demo.start()

            def has_ended() -> bool:
                for line in demo.new_lines():
                    say(f"  {line}")
                return demo.exit_code() is not None

            self._supervisor.wait_until(has_ended, what=lambda: "the demo did not end", timeout_s=DEMO_TIMEOUT_S)
        if demo.exit_code() == 0:
            stamp.touch()
        else:
            say(f"the demo company is not complete: {demo.last_words()} Try again: python manage.py demo")

    def _start(self, part: Part) -> None:
        self._supervisor.check_wishes()
        self._supervisor.start(part)

    def _wait(self, program: Program, *, address: str, timeout_s: float) -> None:
        def ready() -> bool:
            if program.exit_code() is not None:
                raise CannotStartError(f"{program.name} ended: {program.last_words()} (all of it: {program.log()})")
            return answers.status(address) is not None

        self._supervisor.wait_until(
            ready, what=lambda: f"{program.name} did not answer at {address}", timeout_s=timeout_s
        )

    @property
    def _health(self) -> str:
        return f"http://127.0.0.1:{settings.TIEOUT_PORT}/health/"
