"""Reading one environment variable: the value, or one clear line that says how to mend it."""

import sys
from collections.abc import Sequence
from typing import NoReturn
from urllib.parse import urlsplit

import environ

ENV = environ.Env()
YES = ("yes", "true", "on", "1")
NO = ("no", "false", "off", "0")


def text(name: str, *, default: str = "") -> str:
    """A variable as text; blanks around it are dropped."""
    return str(ENV.str(name, default=default)).strip()


def names(name: str, *, default: Sequence[str] = ()) -> list[str]:
    """A comma-separated list."""
    found = [part.strip() for part in text(name).split(",") if part.strip()]
    return found or list(default)


def whole_number(name: str, *, default: int, low: int, high: int) -> int:
    """A whole number between two bounds, both allowed."""
    value = text(name, default=str(default))
    mend = f"Set it to a whole number from {low} to {high}, or leave it out for {default}."
    try:
        number = int(value)
    except ValueError:
        refuse(name, value=value, problem="is not a whole number", mend=mend)
    if not low <= number <= high:
        refuse(name, value=value, problem="is out of range", mend=mend)
    return number


def yes_or_no(name: str, *, default: bool) -> bool:
    """A switch."""
    value = text(name, default="yes" if default else "no")
    if value.lower() not in {*YES, *NO}:
        refuse(name, value=value, problem="is neither yes nor no", mend="Set it to yes or no.")
    return value.lower() in YES


def address(name: str, *, schemes: Sequence[str], example: str) -> str:
    """A connection URL with one of the schemes; empty when the variable is not set."""
    value = text(name)
    if value and urlsplit(value).scheme not in schemes:
        # The value is not repeated: a URL may carry a password.
        refuse(name, value="…", problem=f"does not start with {' or '.join(s + '://' for s in schemes)}",
               mend=f"Set it like {example}, or leave it out to use the embedded server.")  # fmt: skip
    return value


def one_of(name: str, *, default: str, allowed: Sequence[str]) -> str:
    """One word of a short list."""
    value = text(name, default=default)
    if value not in allowed:
        refuse(name, value=value, problem="is not known", mend=f"Set it to one of {', '.join(allowed)}.")
    return value


def needed(name: str, *, mend: str) -> str:
    """A variable that has no default here."""
    value = text(name)
    if not value:
        refuse(name, value="", problem="is not set", mend=mend)
    return value


def needed_names(name: str, *, mend: str) -> list[str]:
    """A comma-separated list that has no default here."""
    needed(name, mend=mend)
    return names(name)


def refuse(name: str, *, value: str, problem: str, mend: str) -> NoReturn:
    """End the program with one line; a trace would only hide it."""
    sys.exit(f"tieout: environment variable {name} = {value!r} {problem}. {mend}")
