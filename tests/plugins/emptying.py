"""Emptying the tables between tests that commit: the one truncation the audit trail has to bear."""

from collections.abc import Iterator
from typing import Any

import pgtrigger
import pytest
from django.core.management.commands import flush


@pytest.fixture(scope="session", autouse=True)
def _tables_may_be_emptied() -> Iterator[None]:
    """Let Django's own flush pass the trigger that forbids TRUNCATE; nothing else does."""
    ordinary = flush.Command.handle

    def handle(self: flush.Command, **options: Any) -> None:
        with pgtrigger.ignore("audit.AuditLine:never_truncated"):
            ordinary(self, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush.Command, "handle", handle)
        yield
