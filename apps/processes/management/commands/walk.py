"""walk: one story, headless, against the running system; exits 0 only when ERP and CRM themselves show the invoice."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.contracts.models import LegalEntity
from apps.core.errors import TieoutError
from apps.events import delivery
from apps.processes.demo.outside import Outside
from apps.processes.demo.walk import walk


class Command(BaseCommand):
    help = "Walk a won opportunity to its posted invoice through the running system and print every stop with its ids."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "entities", nargs="*", default=["DE-01", "US-01"], help="Legal entities to walk for (default DE-01 US-01)."
        )
        parser.add_argument(
            "--sandbox", default=f"http://127.0.0.1:{settings.SANDBOX_PORT}", help="Address of the sandbox."
        )
        parser.add_argument("--timeout", type=float, default=90, help="Seconds to wait for one stop (default 90).")

    def handle(self, *args: Any, entities: list[str], sandbox: str, timeout: float, **options: Any) -> None:
        """Prints a line per stop; a story that gets stuck or is not proven ends with its reason and exit code 1."""
        known = set(LegalEntity.objects.values_list("pk", flat=True))
        if unknown := set(entities) - known:
            there = ", ".join(sorted(known)) or "none"
            raise CommandError(
                f"no legal entity {', '.join(sorted(unknown))}; there are {there}. Run `make run` first."
            )
        try:
            self._walk(entities, outside=Outside(sandbox), timeout_s=timeout)
        finally:
            delivery.close()

    def _walk(self, entities: list[str], *, outside: Outside, timeout_s: float) -> None:
        for entity in entities:
            self.stdout.write(f"--- {entity}")
            try:
                walk(entity, outside=outside, say=self.stdout.write, timeout_s=timeout_s)
            except TieoutError as error:
                self.stderr.write(f"not walked to the end: {error}")
                sys.exit(1)
