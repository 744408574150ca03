"""manage.py check_invariants: ask the tables whether every promise holds; exit code 1 when one does not."""

from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from apps.processes.invariants import INVARIANTS, broken_invariants


class Command(BaseCommand):
    help = "Check what must hold at every moment: nothing billed twice, nothing lost, every chain and path whole."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--only", type=_known, nargs="+", default=(), help="such as I3 I4; all when left out")
        parser.add_argument("--most", type=int, default=5, help="offenders named per invariant (default 5)")

    def handle(self, *args: Any, only: list[str], most: int, **options: Any) -> None:
        """Name the first offenders of every invariant that is broken; exit 1 when there is any."""
        found = list(broken_invariants(most=max(1, most), only=only))
        for broken in found:
            self.stderr.write(f"{broken.invariant.code}: {broken.invariant.says}. It is not so:")
            for who, what in broken.offenders:
                self.stderr.write(f"  {who} {what}")
        if found:
            raise CommandError(f"{len(found)} broken: {', '.join(one.invariant.code for one in found)}.", returncode=1)
        self.stdout.write(f"All hold: {', '.join(only or [one.code for one in INVARIANTS])}.")


def _known(code: str) -> str:
    if code not in {invariant.code for invariant in INVARIANTS}:
        names = ", ".join(invariant.code for invariant in INVARIANTS)
        raise ArgumentTypeError(f"there is no invariant {code!r}; there are {names}.")
    return code
