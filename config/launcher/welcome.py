"""The last lines of a start: where Tieout is and who may sign in."""

import json
from pathlib import Path

SIGN_INS = "sign_ins.json"


def welcome(*, address: str, secrets: Path) -> str:
    """Address and demo sign-ins, as text for the terminal. `secrets` may hold sign_ins.json: a list of
    {"user", "password", "role"} written by the demo."""
    lines = ["", f"  Tieout is ready:  {address}/"]
    if people := _people(secrets / SIGN_INS):
        width = max(len(person["user"]) for person in people)
        lines += ["", "  Sign in as"]
        lines += [f"    {p['user']:<{width}}  {p['password']}  {p.get('role', '')}".rstrip() for p in people]
    return "\n".join([*lines, "", "  Ctrl-C stops everything; the data stays. `make reset` forgets it.", ""])


def _people(file: Path) -> list[dict[str, str]]:
    if not file.exists():
        return []
    people: list[dict[str, str]] = json.loads(file.read_text())
    return people
