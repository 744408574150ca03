"""Fixtures: a real Chromium; found on this machine, or installed when we may."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MEND = "Chromium is missing. Install it: apt-get install chromium   (or: python -m playwright install --with-deps chromium)"
INSTALL_TIMEOUT_S = 300


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, object]) -> dict[str, object]:
    """Launch the machine's own Chromium. Playwright keeps a loop running in the test's thread, so Django must be
    told that the test's queries are no mistake."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    arguments = ["--no-sandbox", "--disable-dev-shm-usage"] if os.geteuid() == 0 else ["--disable-dev-shm-usage"]
    return {**browser_type_launch_args, "executable_path": chromium(settings.TIEOUT_HOME), "args": arguments}


def chromium(home: Path) -> str:
    """Path of the browser; installs it once when we are root on a Debian. Fails the test, with the mend, otherwise."""
    if found := _found():
        return found
    home.mkdir(parents=True, exist_ok=True)
    with (home / "chromium.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _found() is None and os.geteuid() == 0 and shutil.which("apt-get"):
            _install()
    if found := _found():
        return found
    pytest.fail(MEND, pytrace=False)


def _found() -> str | None:
    own = next((path for name in NAMES if (path := shutil.which(name))), None)
    return own or _playwrights_own()


def _playwrights_own() -> str | None:
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    found = sorted(cache.glob("chromium-*/chrome-linux*/chrome"))
    return str(found[-1]) if found else None


def _install() -> None:
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    silent = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        subprocess.run(["apt-get", *command], check=False, timeout=INSTALL_TIMEOUT_S, env=silent, **quiet)
