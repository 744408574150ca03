"""Before anything else: a Python environment with the locked packages, made once and kept while the lock stays.

Run by the Makefile as a plain script with the machine's own Python, so it uses the standard library only.
"""

from __future__ import annotations

import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

REPOSITORY = Path(__file__).resolve().parents[2]
LOCK = "requirements.lock"
NEEDED_MB = 1500
PIP_OPTIONS = ("--quiet", "--no-input", "--disable-pip-version-check")


def prepare(home: Path, *, lock: str) -> None:
    """Make the environment below this run-time folder fit a lock; ends the program with one line when it cannot be."""
    venv = home / "venv"
    stamp = venv / f"{lock.replace('/', '.')}.stamp"
    wanted = hashlib.sha256((REPOSITORY / lock).read_bytes() + sys.version.encode()).hexdigest()
    if _is_ready(venv, stamp=stamp, wanted=wanted):
        return
    _make_folder(home)
    # Two starts at once (make run and make test) must not install into one another.
    with (home / "venv.lock").open("w") as queue:
        fcntl.flock(queue, fcntl.LOCK_EX)
        if not _is_ready(venv, stamp=stamp, wanted=wanted):
            _install(venv, lock=REPOSITORY / lock)
            stamp.write_text(wanted)


def _is_ready(venv: Path, *, stamp: Path, wanted: str) -> bool:
    """Whether exactly these packages were completely installed here, by a Python that is still there."""
    return stamp.exists() and stamp.read_text() == wanted and (venv / "bin" / "python").exists()


def _install(venv: Path, *, lock: Path) -> None:
    """Install every locked package with its hash; what is there already is kept."""
    began = time.monotonic()
    _say("environment: installing the locked packages (once, under a minute)")
    if not _has_our_python(venv):
        shutil.rmtree(venv, ignore_errors=True)
        mend = "Its venv module may be missing: apt-get install python3-venv"
        _run([sys.executable, "-m", "venv", str(venv)], mend=mend)
    if not _installed_fast(venv, lock=lock):
        pip = [str(venv / "bin" / "python"), "-m", "pip", "install", *PIP_OPTIONS]
        mend = "Check the network and the disk, then run the same command again."
        _run([*pip, "--no-deps", "--require-hashes", "-r", str(lock)], mend=mend)
    _say(f"environment: ready ({time.monotonic() - began:.1f} s)")


def _has_our_python(venv: Path) -> bool:
    python = venv / "bin" / "python"
    if not python.exists():
        return False
    done = subprocess.run([str(python), "-c", "import sys; print(sys.version)"], capture_output=True, check=False)
    return done.stdout.decode().strip() == sys.version.strip()


def _installed_fast(venv: Path, *, lock: Path) -> bool:
    """Try uv, itself taken from the lock: four times as fast as pip. It reads no pip settings, so it may fail
    where pip works, and pip has the last word."""
    uv = re.search(r"^uv==.*?(?=^\S|\Z)", (REPOSITORY / LOCK).read_text(), re.DOTALL | re.MULTILINE)
    if uv is None:
        return False
    with tempfile.NamedTemporaryFile("w", suffix=".lock") as one:
        one.write(uv.group())
        one.flush()
        pip = [str(venv / "bin" / "python"), "-m", "pip", "install", *PIP_OPTIONS]
        first = [*pip, "--no-deps", "--require-hashes", "-r", one.name]
        rest = [
            str(venv / "bin" / "uv"),
            "pip",
            "install",
            "--python",
            str(venv / "bin" / "python"),
            "--quiet",
            "--system-certs",
        ]
        rest += ["--no-deps", "--require-hashes", "-r", str(lock)]
        return all(_works(command) for command in (first, rest))


def _works(command: list[str]) -> bool:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode == 0


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
        prepare(Path(sys.argv[1]), lock=sys.argv[2] if len(sys.argv) > 2 else LOCK)
    except KeyboardInterrupt:
        _refuse("stopped. Run the same command again to go on.")
