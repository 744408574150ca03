"""Tryton sends no webhooks: whatever claims to be one is refused, changes are polled."""

from apps.connectors.base import Request
from apps.core.errors import Rejected


def verify(request: Request) -> None:
    """Always raises: there is no signature to believe."""
    raise Rejected("Tryton sends no webhooks; its changes are polled. Remove this sender.", code="signature_missing")
