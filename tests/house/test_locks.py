"""The locked dependencies: exact, with hashes, and the same wherever they are fetched from."""

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LOCKS = sorted(path for path in REPOSITORY.rglob("requirements*.lock") if ".tieout" not in path.parts)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_a_lock_names_no_address(lock):
    """An index address would tie every installation to one machine's network."""
    assert re.findall(r"https?://\S+|file:\S+|--(?:extra-)?index-url\S*|--find-links\S*", lock.read_text()) == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_every_locked_package_has_a_version_and_a_hash(lock):
    entries = re.split(r"\n(?=\S)", lock.read_text().strip())
    packages = [entry for entry in entries if not entry.startswith("#")]

    assert packages
    assert [entry.split()[0] for entry in packages if "==" not in entry or "--hash=sha256:" not in entry] == []
