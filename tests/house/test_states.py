"""A state is moved by a transition under a lock, and in no other way."""

import ast
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
STATE_FIELDS = {"state"}
# These write whole sets of rows past the transitions.
WRITERS = {"update", "update_or_create", "bulk_update"}


def test_no_query_writes_a_state_past_its_transitions():
    """`QuerySet.update(state=…)` goes round every rule; so does a bulk_update that names the field."""
    found = [place for path in sorted((REPOSITORY / "apps").rglob("*.py")) for place in _writes(path)]

    assert found == []


def _writes(path: Path) -> list[str]:
    if "migrations" in path.parts or "sandbox" in path.parts:
        return []
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return [f"{path.relative_to(REPOSITORY)}:{call.lineno}" for call in calls if _writes_state(call)]


def _writes_state(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in WRITERS:
        return False
    if call.func.attr == "bulk_update":
        words = [node.value for node in ast.walk(call) if isinstance(node, ast.Constant)]
        return any(word in STATE_FIELDS for word in words)
    return any(keyword.arg in STATE_FIELDS for keyword in call.keywords)
