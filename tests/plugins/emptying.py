"""Emptying the tables between tests that commit: the one truncation the audit trail has to bear."""

import importlib
from collections.abc import Iterator
from typing import Any

import pgtrigger
import pytest
from django.apps import apps
from django.core.management.commands import flush


@pytest.fixture(scope="session", autouse=True)
def _tables_may_be_emptied() -> Iterator[None]:
    """Let Django's own flush pass the trigger that forbids TRUNCATE; nothing else does.

    What a fresh installation brings along is put back, so that the next test finds its default rules.
    """
    ordinary = flush.Command.handle
    defaults = importlib.import_module("apps.governance.migrations.0002_default_rules")

    def handle(self: flush.Command, **options: Any) -> None:
        with pgtrigger.ignore("audit.AuditLine:never_truncated"):
            ordinary(self, **options)
        defaults.seed(apps, None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush.Command, "handle", handle)
        yield
