"""Secrets of connected systems: one JSON file each, outside database and repository; never logged."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.connectors.models import ConnectedSystem
from apps.core.errors import Misconfigured


def secret(system: ConnectedSystem) -> dict[str, Any]:
    """The secret of `system`, read afresh. Raises Misconfigured, naming the file and the mend, never its content."""
    path = secret_file(system)
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise _unusable(system, "is missing") from error
    except OSError as error:
        raise _unusable(system, f"cannot be read ({error.strerror})") from error
    except ValueError:
        # The cause would quote the content: it is dropped on purpose.
        raise _unusable(system, "is not JSON") from None
    if not isinstance(content, dict):
        raise _unusable(system, "is not a JSON object")
    return content


def secret_file(system: ConnectedSystem) -> Path:
    """Where the secret of `system` is kept."""
    return Path(settings.SECRETS_FOLDER) / f"{system.secret_ref}.json"


def secret_stamp(system: ConnectedSystem) -> int:
    """Changes when the secret file does; 0 while there is none."""
    try:
        return secret_file(system).stat().st_mtime_ns
    except OSError:
        return 0


def _unusable(system: ConnectedSystem, what: str) -> Misconfigured:
    return Misconfigured(
        f"The secret of {system.code} {what}: expected secrets/{system.secret_ref}.json in the run-time folder. "
        "Put the file there, mode 600, then resume the system.",
        code="credentials_expired",
    )
