"""A wrong environment variable ends in one line that says which, why, and what to do."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("TIEOUT_PORT", "eighty", "is not a whole number"),
        ("TIEOUT_PORT", "70000", "is out of range"),
        ("DEBUG", "perhaps", "is neither yes nor no"),
        ("DATABASE_URL", "mysql://user:hush@host/db", "does not start with postgres://"),
        ("REDIS_URL", "localhost", "does not start with redis://"),
        ("LOG_LEVEL", "LOUD", "is not known"),
    ],
)
def test_a_wrong_variable_is_one_line_with_its_mend(variable, value, words, tmp_path):
    done = run("check", {variable: value}, home=tmp_path)

    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stderr.startswith(f"tieout: environment variable {variable} = ")
    assert words in done.stderr
    assert "Set it" in done.stderr
    assert "hush" not in done.stderr


@pytest.mark.parametrize("missing", ["SECRET_KEY", "ALLOWED_HOSTS"])
def test_production_asks_for_what_it_cannot_make_up(missing, tmp_path):
    given = {"SECRET_KEY": "s" * 60, "ALLOWED_HOSTS": "tieout.example.com", missing: ""}

    done = run("check", {"DJANGO_SETTINGS_MODULE": "config.settings.production", **given}, home=tmp_path)

    assert done.returncode == 1
    assert f"environment variable {missing} = '' is not set" in done.stderr


def run(command, environment, *, home):
    clean = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}}
    return subprocess.run(
        [sys.executable, "manage.py", command],
        cwd=REPOSITORY,
        env={**clean, "TIEOUT_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
