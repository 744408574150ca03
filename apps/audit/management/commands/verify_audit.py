"""manage.py verify_audit: prove that nobody changed the audit trail; exit code 1 when somebody did."""

from argparse import ArgumentTypeError
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_date, parse_datetime

from apps.audit.verification import Count, breaks

MOST_SHOWN = 20


class Command(BaseCommand):
    help = "Verify every audit chain, the rows at their ends and the paths of their states."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--since",
            type=_instant,
            help="only what changed at or after this day or instant, such as 2026-11-01 or 2026-11-01T08:00Z",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Name the first broken line, then the others up to a screenful; exit 1 when there is any."""
        count, found = Count(), 0
        for broken in breaks(count, since=options["since"]):
            found += 1
            if found == 1:
                self.stderr.write(f"The audit trail is broken. First at {broken}")
            elif found <= MOST_SHOWN:
                self.stderr.write(f"  also {broken}")
        seen = f"{count.lines} lines in {count.chains} chains, {count.rows} rows"
        if found:
            left = f", {found - MOST_SHOWN} of them not shown" if found > MOST_SHOWN else ""
            raise CommandError(f"{found} broken{left}. Looked at {seen}.", returncode=1)
        self.stdout.write(f"The audit trail holds: {seen}.")


def _instant(text: str) -> datetime:
    """A day (its start, UTC) or an instant; without a zone it is UTC."""
    try:
        day = parse_date(text) if len(text) <= 10 else None
        instant = datetime(day.year, day.month, day.day, tzinfo=UTC) if day else parse_datetime(text)
    except ValueError:
        instant = None
    if instant is None:
        raise ArgumentTypeError(f"{text!r} is neither a day (2026-11-01) nor an instant (2026-11-01T08:00Z).")
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
