"""Tryton's own Python environment: made once from the hash-locked requirements, reused until they change."""

import contextlib
import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from apps.sandbox.tryton.errors import TrytonSetupError

Say = Callable[[str], None]

LOCK_FILE = Path(__file__).with_name("requirements.lock")
STAMP = ".installed"


def say(text: str) -> None:
    """The default progress line."""
    print(f"tryton: {text}", flush=True)


def home_of(home: Path) -> Path:
    """Everything of Tryton that outlives a run, below the run-time folder."""
    return home.resolve() / "tryton"


def python_of(home: Path) -> Path:
    """The interpreter that has Tryton installed."""
    return home_of(home) / "venv" / "bin" / "python"


def install(home: Path, *, say: Say = say) -> Path:
    """Make sure the environment is there and complete; return its interpreter.

    Safe to call again and from several processes at once: one installs, the others wait. A run killed half-way
    leaves no stamp, so the next run starts over.
    """
    venv = home_of(home) / "venv"
    wanted = hashlib.sha256(LOCK_FILE.read_bytes() + sys.version.encode()).hexdigest()
    with only_one(home, say=say):
        stamp = venv / STAMP
        if not (stamp.exists() and stamp.read_text() == wanted):
            shutil.rmtree(venv, ignore_errors=True)
            say("installing its packages (once, under a minute)")
            _make(venv, log=home_of(home) / "install.log")
            stamp.write_text(wanted)
    return python_of(home)


@contextlib.contextmanager
def only_one(home: Path, *, say: Say) -> Iterator[None]:
    """Hold the lock that keeps two processes from building the same thing; the kernel frees it when we die."""
    home_of(home).mkdir(parents=True, exist_ok=True)
    with (home_of(home) / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another process that is building it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run_logged(
    command: list[str], *, log: Path, doing: str, mend: str, env: dict[str, str] | None = None, cwd: Path | None = None
) -> None:
    """Run a command with its output in a log; a failure becomes one line with the last words of the log."""
    with log.open("w") as file:
        done = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, env=env, cwd=cwd
        )
    if done.returncode:
        lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
        last = lines[-1][:200] if lines else "no output"
        raise TrytonSetupError(f"{doing} failed: {last} (all of it: {log}). {mend}")


def _make(venv: Path, *, log: Path) -> None:
    mend = "Check that this machine reaches its package index, then run the same command again."
    run_logged([sys.executable, "-m", "venv", str(venv)], log=log, doing="making its environment", mend=mend)
    python = str(venv / "bin" / "python")
    if not _installed_fast(python, log=log):
        command = [python, "-m", "pip", "install", "--no-input", "--quiet", "--require-hashes", "-r", str(LOCK_FILE)]
        run_logged(command, log=log, doing="installing its packages", mend=mend)


def _installed_fast(python: str, *, log: Path) -> bool:
    """Try uv, which comes with our own locked packages. It reads no pip settings, so pip has the last word."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent))
    if uv is None:
        return False
    command = [uv, "pip", "install", "--python", python, "--quiet", "--system-certs", "--require-hashes"]
    with log.open("w") as file:
        done = subprocess.run(
            [*command, "-r", str(LOCK_FILE)], stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=False
        )
    return done.returncode == 0
