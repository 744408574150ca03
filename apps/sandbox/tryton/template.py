"""The template database: built and provisioned once, then copied for every run and every test session."""

import hashlib
import os
import secrets
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from apps.sandbox.tryton.environment import Say, home_of, install, only_one, python_of, run_logged, say

MODULES = ("project_invoice", "project_plan", "timesheet_cost", "account_invoice_defer")
DATABASE = "erp"
SECRET = "tryton.json"
ADMIN_PASSWORD = "admin.password"
STAMP = "fingerprint"
REPOSITORY = Path(__file__).parents[3]

_CONFIG = """\
[web]
listen = 127.0.0.1:{port}
[database]
uri = sqlite://
path = {directory}
list = false
[session]
# Posting asks for a fresh session; with the default of five minutes a quiet morning would end in a 401.
timeout = 86400
"""


def build_template(home: Path, *, say: Say = say) -> Path:
    """Make sure a provisioned template exists; return its folder (database and secret, nothing else).

    Rebuilt when the requirements, the provisioning or the calendar year change (the fiscal years hang on the
    year). Built beside and renamed at the end, so a run killed half-way leaves nothing to trip over.
    """
    install(home, say=say)
    template = home_of(home) / "template"
    with only_one(home, say=say):
        if (template / STAMP).exists() and (template / STAMP).read_text() == _fingerprint():
            return template
        # A name of its own each time: what a killed run started may still be writing into the folder of that run.
        for left in home_of(home).glob("building-*"):
            shutil.rmtree(left, ignore_errors=True)
        building = home_of(home) / f"building-{secrets.token_hex(4)}"
        building.mkdir(mode=0o700)
        _create_database(building, home=home, say=say)
        _provision(building, home=home, say=say)
        (building / STAMP).write_text(_fingerprint())
        shutil.rmtree(template, ignore_errors=True)
        building.rename(template)
    return template


def give_database(home: Path, *, to: Path, secret: Path, say: Say = say) -> None:
    """Give an instance its own copy of the template and its secret, unless it has a database already.

    Existing books are never touched, so a template rebuilt later does not change them. The secret is written
    before the database appears: a database without its passwords would be of no use.
    """
    database = to / f"{DATABASE}.sqlite"
    if database.exists():
        install(home, say=say)
        return
    template = build_template(home, say=say)
    with only_one(home, say=say):
        if not database.exists():
            _copy(template, to=to, database=database, secret=secret)


def write_config(directory: Path, *, port: int) -> Path:
    """Tryton's configuration for the databases of a folder."""
    path = directory / "trytond.conf"
    path.write_text(_CONFIG.format(port=port, directory=directory))
    return path


def environment_of(**more: str) -> dict[str, str]:
    """What Tryton's processes see of our environment: nothing that could change their behaviour or leak."""
    keep = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR")
    return {name: os.environ[name] for name in keep if name in os.environ} | more


def _copy(template: Path, *, to: Path, database: Path, secret: Path) -> None:
    to.mkdir(parents=True, exist_ok=True)
    secret.parent.mkdir(parents=True, exist_ok=True)
    _write_private(secret, text=(template / SECRET).read_text())
    _write_private(to / ADMIN_PASSWORD, text=(template / ADMIN_PASSWORD).read_text())
    half = to / f"{DATABASE}.copying"
    half.unlink(missing_ok=True)
    with closing(sqlite3.connect(template / f"{DATABASE}.sqlite")) as source, closing(sqlite3.connect(half)) as target:
        source.backup(target)
    half.rename(database)


def _create_database(directory: Path, *, home: Path, say: Say) -> None:
    say("creating its database and activating its modules (once, about 30 s)")
    config = write_config(directory, port=0)
    (directory / f"{DATABASE}.sqlite").touch()
    admin_password = directory / ADMIN_PASSWORD
    _write_private(admin_password, text=secrets.token_urlsafe(24))
    command = [str(python_of(home)), "-m", "trytond.cli.admin", "-c", str(config), "-d", DATABASE]
    command += ["-u", "ir", "res", *MODULES, "--activate-dependencies", "-l", "de", "--email", "admin@tieout.example"]
    mend = "Run the same command again."
    environment = environment_of(TRYTONPASSFILE=str(admin_password))
    run_logged(command, log=home_of(home) / "build.log", doing="creating its database", mend=mend, env=environment)


def _provision(directory: Path, *, home: Path, say: Say) -> None:
    say("provisioning the German company (once, about 5 s)")
    command = [str(python_of(home)), "-m", "apps.sandbox.tryton.provision"]
    command += [f"sqlite:///{DATABASE}", str(directory / "trytond.conf"), str(directory / SECRET)]
    log, mend = home_of(home) / "provision.log", "Run the same command again."
    run_logged(command, log=log, doing="provisioning", mend=mend, env=environment_of(), cwd=REPOSITORY)


def _fingerprint() -> str:
    here = Path(__file__).parent
    parts = [(here / name).read_bytes() for name in ("requirements.lock", "provision.py", "ledger.py", "template.py")]
    return hashlib.sha256(b"".join(parts)).hexdigest() + f" {datetime.now(UTC).year}"


def _write_private(path: Path, *, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
