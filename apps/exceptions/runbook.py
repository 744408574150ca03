"""Runbooks: for each kind of case, what happened, how to check, what to do and when to escalate, as Markdown."""

from pathlib import Path

_FOLDER = Path(__file__).parent / "runbooks"


def runbook(code: str) -> str:
    """The Markdown text for one kind; raises FileNotFoundError when a kind has none."""
    return (_FOLDER / f"{code}.md").read_text(encoding="utf-8")
