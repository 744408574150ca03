"""The operating-system account PostgreSQL runs under; it refuses to run as root."""

import logging
import os
import pwd
import stat
from pathlib import Path

from config.embedded.errors import EmbeddedServiceError

log = logging.getLogger(__name__)

CANDIDATES = ("postgres", "nobody")


def service_account() -> pwd.struct_passwd | None:
    """Account to run as when we are root; None when our own account will do."""
    if os.geteuid() != 0:
        return None
    for name in CANDIDATES:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise EmbeddedServiceError(
        "PostgreSQL does not run as root and this machine has no account 'nobody'. "
        "Run as a normal user, or set DATABASE_URL to a server of your own."
    )


def give(folder: Path, *, account: pwd.struct_passwd | None) -> None:
    """Make the account the owner of a folder and let it walk there.

    Walking is all it gets: a folder above that others may not pass is opened for passing through
    (mode +x), not for listing. Without that, a database below a closed home folder cannot start.
    """
    if account is None:
        return
    os.chown(folder, account.pw_uid, account.pw_gid)
    open_way(folder)


def open_way(folder: Path) -> None:
    """Let other accounts pass through every folder above this one."""
    for above in folder.parents:
        mode = stat.S_IMODE(above.stat().st_mode)
        if not mode & stat.S_IXOTH:
            above.chmod(mode | stat.S_IXGRP | stat.S_IXOTH)
            log.warning("opened %s for passing through (not for listing): PostgreSQL may not run as root", above)
