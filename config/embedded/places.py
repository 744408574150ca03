"""Where the embedded services live: every path follows from the run-time folder alone."""

import hashlib
import os
import tempfile
from pathlib import Path

# A socket address holds 107 bytes on Linux and 103 on macOS; the longest name we append has 19.
LONGEST_SOCKET_FOLDER = 80


def socket_folder(home: Path) -> Path:
    """Folder of the sockets: below the run-time folder, or a short one of its own where that path is too long.

    Always the same answer for the same run-time folder, so that every process finds the servers
    without asking. Blanks are avoided as well: they do not survive every connection URL.
    """
    inside = home / "sockets"
    if len(os.fsencode(inside)) <= LONGEST_SOCKET_FOLDER and " " not in str(inside):
        return inside
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"tieout-{os.getuid()}-{digest}"


def make_socket_folder(home: Path) -> Path:
    """Create the folder of the sockets; only its owner may enter a folder outside the run-time folder."""
    folder = socket_folder(home)
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user. Remove it, or set TIEOUT_HOME to a shorter path.")
    return folder


def log_file(home: Path, name: str) -> Path:
    """Log of one service; the folder is made on the way."""
    folder = home / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{name}.log"
