"""Bringing up a real Tryton: it keeps its books, guards its secrets and says in one line what is in the way."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from apps.sandbox.tryton import server
from apps.sandbox.tryton.__main__ import main
from apps.sandbox.tryton.errors import TrytonSetupError
from tests.plugins.tryton import TrytonBooks, sign_in

pytestmark = pytest.mark.tryton


def test_a_second_start_keeps_books_and_passwords(tmp_path: Path) -> None:
    home = settings.TIEOUT_HOME.parent
    first = server.start(home, port=server.free_port(), directory=tmp_path)
    try:
        TrytonBooks(first, sign_in(first)).call("model.party.party.create", [{"name": "Globex", "code": "ACC-KEEP"}])
    finally:
        first.stop()

    again = server.start(home, port=server.free_port(), directory=tmp_path)
    try:
        assert again.secret == first.secret
        assert TrytonBooks(again, sign_in(again)).count("party.party", ["code", "=", "ACC-KEEP"]) == 1
    finally:
        again.stop()


def test_secrets_are_for_the_owner_only_and_in_no_log_and_no_process_list(tryton_server: TrytonBooks) -> None:
    running = tryton_server.server
    arguments = Path(f"/proc/{running.process.pid}/cmdline").read_bytes().decode()
    directory = Path(arguments.split("\0")[arguments.split("\0").index("-c") + 1]).parent
    texts = [arguments, (directory / "tryton.log").read_text(), repr(running)]

    assert {path.stat().st_mode & 0o777 for path in (directory / "tryton.json", directory / "admin.password")} == {
        0o600
    }
    for secret in (running.secret["password"], running.secret["rest_key"], running.admin_password):
        assert not [text for text in texts if secret in text]


def test_a_taken_port_is_one_line_that_names_the_mend(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        code = main(["serve", "--home", str(tmp_path), "--port", str(port)])

    assert code == 1
    assert capsys.readouterr().err == f"tryton: port {port} is taken. Stop what listens there, or set TRYTON_PORT.\n"
    assert not (tmp_path / "tryton").exists()


def test_a_lost_secret_is_said_and_not_replaced(tmp_path: Path) -> None:
    home = settings.TIEOUT_HOME.parent
    server.start(home, port=server.free_port(), directory=tmp_path).stop()
    (tmp_path / "tryton.json").unlink()

    with pytest.raises(TrytonSetupError, match="is gone but its database is there"):
        server.start(home, port=server.free_port(), directory=tmp_path)


def test_the_lock_file_names_no_address_and_carries_hashes() -> None:
    lock = (Path(server.__file__).parent / "requirements.lock").read_text()

    assert "://" not in lock
    pinned = [line for line in lock.splitlines() if "==" in line]
    assert pinned
    assert all(line.endswith("\\") for line in pinned)


def test_bring_up_needs_no_django() -> None:
    command = (
        "import sys, apps.sandbox.tryton.__main__; print(sorted(m for m in sys.modules if m.startswith('django')))"
    )

    told = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True)

    assert told.stdout == "[]\n"
