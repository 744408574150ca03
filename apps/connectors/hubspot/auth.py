"""HubSpot's credentials: the token of a private app or service key, sent with every call."""

from collections.abc import Mapping
from typing import Any

from apps.core.errors import Misconfigured


def headers(secret: Mapping[str, Any]) -> dict[str, str]:
    """What every call carries. Such a token does not expire; a 401 means that somebody revoked it."""
    token = secret.get("token")
    if not isinstance(token, str) or not token:
        raise Misconfigured(
            'HubSpot: the secret file holds no "token". Put the private app\'s access token there.',
            code="credentials_expired",
        )
    return {"Authorization": f"Bearer {token}"}
