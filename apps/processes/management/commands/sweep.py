"""sweep: wakes workers for what is overdue, and does the work itself while nobody hears the bell."""

import signal
import threading
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandParser
from django.db import InterfaceError, OperationalError, close_old_connections

from apps.processes import sweeper

log = structlog.get_logger(__name__)


class Command(BaseCommand):
    help = "Watch the tables for work nobody took; ring, and drain by itself while Redis or the workers are away."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--every", type=float, default=1.0, help="Seconds between looks (default 1).")
        parser.add_argument("--once", action="store_true", help="Look once and exit.")

    def handle(self, *args: Any, every: float, once: bool, **options: Any) -> None:
        """Runs until SIGTERM or SIGINT; a database that is away is waited for."""
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        while not stop.is_set():
            try:
                sweeper.sweep()
            except (OperationalError, InterfaceError) as error:
                log.warning("the database is away", error=str(error))
                close_old_connections()
            if once:
                return
            stop.wait(every)
