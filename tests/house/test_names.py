"""Names and sizes: what a file may be called, how long it may be, and how it begins."""

import ast
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ROOMS = ("apps", "config", "tests")
LONGEST_FILE = 400
# Words that say nothing about what is inside (architecture, 1.6).
EMPTY_WORDS = {"utils", "util", "helpers", "helper", "managers", "manager", "misc", "common", "data", "info"}

APPS = sorted(path.parent.name for path in (REPOSITORY / "apps").glob("*/__init__.py"))


def sources() -> list[Path]:
    """Every Python file we wrote by hand."""
    found = (path for room in ROOMS for path in (REPOSITORY / room).rglob("*.py"))
    return sorted(path for path in found if "migrations" not in path.parts)


def test_no_module_is_called_by_a_word_that_says_nothing():
    named = [path for path in sources() if path.stem in EMPTY_WORDS or path.parent.name in EMPTY_WORDS]

    assert named == []


def test_no_file_is_longer_than_a_reader_likes():
    lengths = {str(path.relative_to(REPOSITORY)): len(path.read_text().splitlines()) for path in sources()}

    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_every_file_opens_with_a_sentence():
    silent = [path for path in sources() if path.read_text().strip() and not ast.get_docstring(_tree(path))]

    assert [str(path.relative_to(REPOSITORY)) for path in silent] == []


def test_no_package_hides_where_a_name_comes_from():
    """An `__init__.py` that imports is a second address for the same thing."""
    openers = [path for path in sources() if path.name == "__init__.py"]
    importing = [
        path for path in openers if any(isinstance(node, ast.Import | ast.ImportFrom) for node in _tree(path).body)
    ]

    assert [str(path.relative_to(REPOSITORY)) for path in importing] == []


@pytest.mark.parametrize("app", APPS)
def test_every_app_explains_itself(app):
    readme = REPOSITORY / "apps" / app / "README.md"

    assert readme.exists(), f"apps/{app} has no README.md: what it owns, who may import it, states, decisions taken"


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())
