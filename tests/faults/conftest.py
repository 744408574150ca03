"""Fixtures of the fault tests: a forge of real workers, on the test's own database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.workers import Forge


@pytest.fixture(scope="session")
def _forge(django_db_setup: None, secrets_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forge]:
    forge = Forge(tmp_path_factory.mktemp("forge"))
    yield forge
    forge.close()


@pytest.fixture
def forge(_forge: Forge, transactional_db: None) -> Iterator[Forge]:
    """Workers as processes of their own; those that are left are killed before the tables are emptied."""
    yield _forge
    _forge.dismiss()
