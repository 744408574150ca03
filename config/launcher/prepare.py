"""Before anything else: a Python environment with the locked packages, made once and kept while the lock stays.

Run by the Makefile as a plain script with the machine's own Python, so it uses the standard library only.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

LOCK = Path(__file__).resolve().parents[2] / "requirements.lock"
STAMP = "tieout.stamp"
NEEDED_MB = 1500


def prepare(home: Path) -> None:
    """Make the environment below this run-time folder fit; ends the program with one line when it cannot be."""
    venv = home / "venv"
    wanted = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
    if _is_ready(venv, wanted=wanted):
        return
    _make_folder(home)
    # Two starts at once (make run and make test) must not install into one another.
    with (home / "venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_ready(venv, wanted=wanted):
            _install(venv)
            (venv / STAMP).write_text(wanted)


def _is_ready(venv: Path, *, wanted: str) -> bool:
    """Whether exactly these packages were completely installed here, by a Python that is still there."""
    stamp = venv / STAMP
    return stamp.exists() and stamp.read_text() == wanted and (venv / "bin" / "python").exists()


def _install(venv: Path) -> None:
    """Install every locked package with its hash; an environment of another lock is replaced."""
    began = time.monotonic()
    _say("environment: installing the locked packages (once, about a minute)")
    shutil.rmtree(venv, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(venv)], mend="Its venv module may be missing: apt-get install python3-venv")
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    mend = "Check the network and the disk, then run the same command again."
    _run([*pip, "--no-deps", "--require-hashes", "-r", str(LOCK)], mend=mend)
    _say(f"environment: ready ({time.monotonic() - began:.1f} s)")


def _run(command: list[str], *, mend: str) -> None:
    """One command, quietly; its own last words when it fails."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if done.returncode:
        words = [line for line in done.stdout.decode(errors="replace").splitlines() if line.strip()] or ["no message"]
        _refuse(f"{words[-1].strip().rstrip('.')}. {mend}")


def _make_folder(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        _refuse(f"{home} cannot be made ({error.strerror}). Set TIEOUT_HOME to a folder of yours.")
    free_mb = shutil.disk_usage(home).free // 1_000_000
    if free_mb < NEEDED_MB:
        _refuse(f"only {free_mb} MB are free for {home}, {NEEDED_MB} are needed. Free some, or set TIEOUT_HOME.")


def _say(text: str) -> None:
    print(text, flush=True)


def _refuse(text: str) -> NoReturn:
    sys.exit(f"tieout: {text}")


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036 - this line is for whoever has an older one
        _refuse(
            f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}. Try: make PYTHON=/path/to/python3.11"
        )
    try:
        prepare(Path(sys.argv[1]))
    except KeyboardInterrupt:
        _refuse("stopped. Run the same command again to go on.")
