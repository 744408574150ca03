"""The shared secret of a system that speaks signed CloudEvents; the same one signs both directions."""

from collections.abc import Mapping
from typing import Any

from apps.connectors.inbound import secrets_of
from apps.core.errors import Misconfigured


def present_secret(secret: Mapping[str, Any], *, system: str) -> str:
    """What our own messages are signed with."""
    return all_secrets(secret, system=system)[0]


def all_secrets(secret: Mapping[str, Any], *, system: str) -> list[str]:
    """What the other side may have signed with: the present secret, and the previous one while it is being changed."""
    found = secrets_of(secret, "secret", "previous_secret")
    if not found:
        raise Misconfigured(
            f'{system}: the secret file holds no "secret" (whsec_…). Put it there.', code="credentials_expired"
        )
    return found
