"""Parts keep running, and nothing is left running."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
LAUNCHER = """
    import sys
    import signal
    from pathlib import Path
    from config.launcher.parts import Program
    from config.launcher.supervisor import StopAsked, Supervisor

    # This run may itself have been started to survive a hang-up, and would hand that down.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    home = Path(sys.argv[1])
    supervisor = Supervisor()
    sleeper = "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); time.sleep(600)"
    supervisor.start(Program("sleeper", (sys.executable, "-c", sleeper), home, home))
    try:
        while True:
            supervisor.tend()
    except StopAsked as wish:
        print(f"stopping: {wish}", flush=True)
    finally:
        supervisor.stop()
"""


@pytest.fixture
def launcher(tmp_path):
    """A launcher with one part, which has a child of its own."""
    command = [sys.executable, "-c", textwrap.dedent(LAUNCHER), str(tmp_path)]
    process = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, start_new_session=True)
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_part_that_died_runs_again_and_what_it_left_is_ended(launcher):
    first = part_of(launcher)
    child = first.children()[0]

    os.kill(first.pid, signal.SIGKILL)

    assert eventually(lambda: part_of(launcher).pid != first.pid)
    assert not alive(child)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_every_process(launcher, number):
    family = everybody(launcher)

    launcher.send_signal(number)

    assert launcher.wait(timeout=60) == 0
    assert [process for process in family if alive(process)] == []


def test_killing_the_launcher_leaves_no_orphan(launcher):
    family = everybody(launcher)

    launcher.kill()

    assert eventually(lambda: not any(alive(process) for process in family))


def part_of(launcher):
    """The running part, once its own child is there too."""
    return next(process for process in everybody(launcher) if "subprocess" in " ".join(process.cmdline()))


def everybody(launcher):
    """Guardian, part, and the part's child."""
    me = psutil.Process(launcher.pid)
    assert eventually(lambda: len(me.children(recursive=True)) == 3)
    return me.children(recursive=True)


def alive(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def eventually(condition, *, within_s=20):
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if condition():
                return True
        except (psutil.NoSuchProcess, StopIteration):
            pass
        time.sleep(0.1)
    return False
