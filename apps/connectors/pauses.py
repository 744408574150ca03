"""Stops and restarts a connected system: no call leaves while it is paused."""

from datetime import datetime, timedelta

from apps.connectors.models import ConnectedSystem
from apps.core import clock

UNTIL_SOMEBODY_ACTS = timedelta(days=3650)


def pause(code: str, *, reason: str, until: datetime | None = None) -> None:
    """Let no call leave before `until` (UTC; None: until `resume`). Calling again replaces the reason."""
    ConnectedSystem.objects.filter(code=code).update(
        paused_until=until or clock.now() + UNTIL_SOMEBODY_ACTS, paused_reason=reason[:300]
    )


def resume(code: str) -> None:
    """Let calls leave again, with a fresh connector and a closed breaker: what was wrong has been mended."""
    system = ConnectedSystem.objects.get(code=code)
    system.paused_until = None
    system.paused_reason = ""
    system.breaker_state = "closed"
    system.breaker_failures = 0
    system.breaker_opened_at = system.breaker_probe_until = None
    system.save()


def may_be_called(system: ConnectedSystem) -> bool:
    """Enabled and not paused at this moment."""
    return system.enabled and (system.paused_until is None or system.paused_until <= clock.now())
