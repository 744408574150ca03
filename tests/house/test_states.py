"""A state is moved by a transition under a lock, and in no other way."""

import ast
from pathlib import Path

from django.apps import apps

from apps.core.states import StatefulModel

REPOSITORY = Path(__file__).resolve().parents[2]
# These write whole sets of rows past the transitions.
WRITERS = {"update", "update_or_create", "bulk_update"}


def test_no_query_writes_a_state_past_its_transitions():
    """`QuerySet.update(state=…)` goes round every rule; so does a bulk_update that names the field.

    Rows without transitions (commands, events, steps of the machine) are free; who writes a set whose model the
    line does not name has to name it.
    """
    free = {model.__name__ for model in apps.get_models() if not issubclass(model, StatefulModel)}

    found = [place for path in sorted((REPOSITORY / "apps").rglob("*.py")) for place in _writes(path, free)]

    assert found == []


def _writes(path: Path, free: set[str]) -> list[str]:
    if "migrations" in path.parts or "sandbox" in path.parts:
        return []
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    found = [call for call in calls if _writes_state(call) and not free & _names(call)]
    return [f"{path.relative_to(REPOSITORY)}:{call.lineno}" for call in found]


def _writes_state(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in WRITERS:
        return False
    if call.func.attr == "bulk_update":
        return any(isinstance(node, ast.Constant) and node.value == "state" for node in ast.walk(call))
    return any(keyword.arg == "state" for keyword in call.keywords)


def _names(call: ast.Call) -> set[str]:
    """The names the query is made from: `Model` in `Model.objects.filter(…).update(…)`."""
    return {node.id for node in ast.walk(call.func) if isinstance(node, ast.Name)}
