"""Models and migrations tell the same story."""

import pytest
from django.core.management import call_command


@pytest.mark.django_db
def test_no_migration_is_missing(capsys):
    try:
        call_command("makemigrations", "--check", "--dry-run")
    except SystemExit:
        pytest.fail(f"models changed without a migration:\n{capsys.readouterr().out}", pytrace=False)
