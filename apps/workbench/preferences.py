"""What a person has chosen about the screens: theme, density, single keys and time zone."""

from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from apps.access.models import Density, Theme, User


@dataclass(frozen=True, slots=True)
class Preferences:
    """As base.html writes them on the page; an empty theme follows the system. The defaults are what a visitor gets."""

    theme: str = ""
    density: str = Density.COMFORTABLE.value
    keys: str = "on"
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))


def preferences_of(user: Any) -> Preferences:
    """The choices of a user, of a visitor as well."""
    if not isinstance(user, User) and not getattr(user, "is_authenticated", False):
        return Preferences()
    return Preferences(
        theme="" if user.theme == Theme.SYSTEM else user.theme,
        density=user.density,
        keys="on" if user.single_keys else "off",
        zone=ZoneInfo(user.time_zone),
    )
