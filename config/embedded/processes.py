"""Server processes: launched apart from us, found again by their pid file, stopped in good order."""

import atexit
import fcntl
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

_launched: list[subprocess.Popen[bytes]] = []


@atexit.register
def _let_go() -> None:
    """Python complains about a child that is forgotten while it runs; these are meant to run on."""
    for process in _launched:
        if process.poll() is None:
            process.returncode = 0


@contextmanager
def one_at_a_time(lock_file: Path) -> Iterator[None]:
    """Let one process in; the kernel opens the lock again even after kill -9."""
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    with lock_file.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def launch(
    command: Sequence[str],
    *,
    log: Path,
    folder: Path,
    environment: Mapping[str, str],
    account: pwd.struct_passwd | None = None,
) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, as another account where one is given.

    Ctrl-C at the keyboard must reach Tieout first and its database last.
    """
    with log.open("ab") as out:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=folder,
            env=dict(environment),
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            start_new_session=True,
        )
    _launched.append(process)
    return process


def run(command: Sequence[str | Path], *, account: pwd.struct_passwd | None) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, as another account where one is given; the caller reads the exit code."""
    return subprocess.run(
        command,
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
    )


def running(pid_file: Path, *, program: str) -> int | None:
    """Process id in the first line of a pid file, if that process lives and is this program.

    A pid file outlives a kill -9 or a power cut, and the number may belong to somebody else by then.
    """
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
        process = psutil.Process(pid)
        alive = process.status() != psutil.STATUS_ZOMBIE and program in process.name()
    except (OSError, ValueError, psutil.Error):
        return None
    return pid if alive else None


def stop(pid: int, *, ask: signal.Signals, patience_s: float = 20) -> None:
    """Ask a process to end, wait, and kill it when it does not. A process already gone is fine."""
    for number, wait_s in ((ask, patience_s), (signal.SIGKILL, 5.0)):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
        if _gone(pid, within_s=wait_s):
            return


def end_all(*, program: str, inside: Path, patience_s: float = 10) -> None:
    """End what is left of a dead server: processes of this name that work in this folder."""
    left = [process for process in psutil.process_iter(["name", "cwd"]) if _works_in(process, program, inside)]
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGQUIT)
    _, stubborn = psutil.wait_procs(left, timeout=patience_s)
    for process in stubborn:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=patience_s)


def _works_in(process: psutil.Process, program: str, inside: Path) -> bool:
    is_it: bool = process.info["name"] == program and process.info["cwd"] == str(inside)
    return is_it


def _gone(pid: int, *, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        has_ended = not _lives(pid)
        # A child of ours stays in the process table until we have asked for its exit code.
        for process in _launched:
            process.poll()
        if has_ended:
            return True
        time.sleep(0.05)
    return False


def _lives(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
