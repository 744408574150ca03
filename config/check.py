"""`make check`: everything that can be said about the code without running it. Exit code 1 when anything is wrong."""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
DJANGO_VERSION = "5.2"


@dataclass(frozen=True)
class Check:
    """One question, and the program that answers it."""

    name: str
    command: Sequence[str]
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What the program said."""

    check: Check
    is_right: bool
    words: str
    took_s: float


def checks() -> tuple[Check, ...]:
    """All of them; the slow one first, so that the others fit beside it."""
    manage = (sys.executable, "manage.py")
    templates = sorted(str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / "templates").rglob("*.html"))
    production = {
        "DJANGO_SETTINGS_MODULE": "config.settings.production",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "ALLOWED_HOSTS": "tieout.example.com",
    }
    return (
        Check("types", (_program("mypy"),)),
        Check("floors", (_program("lint-imports"), "--no-cache")),
        Check("format", (_program("ruff"), "format", "--check", ".")),
        Check("lint", (_program("ruff"), "check", ".")),
        Check("migrations", (*manage, "makemigrations", "--check", "--dry-run")),
        Check("templates", (_program("djade"), "--check", "--target-version", DJANGO_VERSION, *templates)),
        Check("deployment", (*manage, "check", "--deploy", "--fail-level", "WARNING"), production),
    )


def main() -> int:
    """Ask everything, two at a time; print what is wrong in full."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        answers = list(pool.map(_ask, checks()))
    for answer in answers:
        print(f"{'ok  ' if answer.is_right else 'FAIL'}  {answer.check.name:<12} {answer.took_s:5.1f} s", flush=True)
    wrong = [answer for answer in answers if not answer.is_right]
    for answer in wrong:
        print(f"\n--- {answer.check.name}: {' '.join(answer.check.command[:4])}\n{answer.words}", flush=True)
    return 1 if wrong else 0


def _ask(check: Check) -> Answer:
    began = time.monotonic()
    done = subprocess.run(
        check.command,
        cwd=REPOSITORY,
        env={**os.environ, **check.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Answer(check, done.returncode == 0, done.stdout, time.monotonic() - began)


def _program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


if __name__ == "__main__":
    sys.exit(main())
