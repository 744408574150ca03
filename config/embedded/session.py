"""One command's use of the embedded database: started when needed, stopped by the last who used it."""

import fcntl
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from django.conf import settings

from config.embedded import postgres
from config.embedded.errors import EmbeddedServiceError

# They read code and files only, or (up) bring the services up themselves.
WITHOUT_DATABASE = frozenset(
    {"check", "collectstatic", "compilemessages", "diffsettings", "down", "findstatic", "help", "makemessages",
     "reset", "spectacular", "startapp", "up", "version", "--help", "-h", "--version"}
)  # fmt: skip


def needs_database(arguments: Sequence[str]) -> bool:
    """Whether this command line talks to a database that we have to provide."""
    if len(arguments) < 2 or arguments[1] in WITHOUT_DATABASE or {"--help", "-h"} & set(arguments):
        return False
    return bool(settings.EMBEDDED_DATABASE)


@contextmanager
def use_database() -> Iterator[None]:
    """Hold the embedded database up for the block; one line instead of a trace when it cannot start."""
    home: Path = settings.TIEOUT_HOME
    with users_of(home) as place:
        try:
            postgres.start(home)
        except (EmbeddedServiceError, OSError) as error:
            sys.exit(f"tieout: {error}")
        try:
            yield
        finally:
            if is_last_user(place):
                postgres.stop(home)


@contextmanager
def users_of(home: Path) -> Iterator[IO[str]]:
    """Count ourselves among the users; the kernel forgets us even after kill -9."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / "postgres.users").open("a") as place:
        fcntl.flock(place, fcntl.LOCK_SH)
        yield place


def is_last_user(place: IO[str]) -> bool:
    """Whether nobody else uses the services; then nobody can begin to before `place` is closed."""
    try:
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
