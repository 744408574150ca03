"""`manage.py reset`: forget all data of the run-time folder; the installed packages stay."""

import os
import shutil
import signal
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config.embedded import postgres, processes, redis
from config.embedded.places import socket_folder
from config.launcher.only import running_launcher

# Named one by one: a run-time folder set to somebody's home must not lose anything of theirs.
DATA = (
    "postgres", "postgres.new", "postgres.lock", "postgres.users", "redis", "redis.lock", "sockets", "logs", "secrets",
    "sandbox", "static", "test", "demo.loaded", "launcher.lock",
    "tryton/live", "tryton/template", "tryton/template.building",
)  # fmt: skip


class Command(BaseCommand):
    """Asks before it forgets, unless --force."""

    help = "Stop Tieout and remove its data from the run-time folder."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """--force: do not ask."""
        parser.add_argument("--force", action="store_true", help="do not ask")

    def handle(self, *args: Any, **options: Any) -> None:
        """Stop, then remove."""
        home: Path = settings.TIEOUT_HOME
        if not options["force"] and not _agreed(home):
            sys.exit("Nothing was changed. FORCE=1 forgets without asking.")
        if (pid := running_launcher(home)) is not None:
            self.stdout.write(f"stopping the running Tieout (process {pid})")
            processes.stop(pid, ask=signal.SIGTERM, patience_s=60)
        for folder in (home, home / "test"):
            postgres.stop(folder, immediately=True)
            redis.stop(folder)
            _forget(socket_folder(folder))
        for name in DATA:
            _forget(home / name)
        self.stdout.write(f"Forgotten. The installed packages in {home} stay; remove the folder to lose them too.")
        if not settings.EMBEDDED_DATABASE:
            self.stdout.write("The database at DATABASE_URL is yours and was not touched.")


def _agreed(home: Path) -> bool:
    if not os.isatty(sys.stdin.fileno()):
        return False
    return input(f"Forget all data in {home}? Type yes: ").strip().lower() == "yes"


def _forget(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
