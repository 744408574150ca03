"""People who sign in: their roles, the legal entities they work for, and how they like their screens."""

from zoneinfo import ZoneInfo

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models

from apps.access.roles import Role
from apps.core.actor import Actor, person
from apps.core.states import Audited

EVERY_ENTITY = "*"


class Theme(models.TextChoices):
    SYSTEM = "system"
    LIGHT = "light"
    DARK = "dark"


class Density(models.TextChoices):
    COMFORTABLE = "comfortable"
    COMPACT = "compact"


def known_roles(value: object) -> None:
    """Refuse a list that names a role the role table does not have."""
    if not isinstance(value, list) or (unknown := [role for role in value if role not in list(Role)]):
        raise ValidationError(
            f"Unknown role: {unknown if isinstance(value, list) else value}. Known are: {', '.join(Role)}."
        )


def entity_codes(value: object) -> None:
    """Refuse what is not a list of legal entity codes (``*`` stands for all of them)."""
    if not isinstance(value, list) or not all(isinstance(code, str) and 0 < len(code) <= 20 for code in value):
        raise ValidationError('Entities are a list of legal entity codes such as ["DE-01"], or ["*"] for all.')


def known_zone(value: str) -> None:
    """Refuse a time zone the tz database does not have."""
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ValidationError(f"{value!r} is not a time zone; use a name such as Europe/Berlin.") from error


class User(AbstractUser, Audited):
    """A person with an account. Nobody has a role or an entity unless somebody gave it."""

    display_name = models.CharField(max_length=120, blank=True)
    roles = models.JSONField(default=list, blank=True, validators=[known_roles])
    entities = models.JSONField(default=list, blank=True, validators=[entity_codes])
    time_zone = models.CharField(max_length=40, default="UTC", validators=[known_zone])
    theme = models.CharField(max_length=12, choices=Theme.choices, default=Theme.SYSTEM)
    density = models.CharField(max_length=12, choices=Density.choices, default=Density.COMFORTABLE)
    single_keys = models.BooleanField(default=True, help_text="Single-key shortcuts on lists.")

    def __str__(self) -> str:
        return self.display_name or self.username

    @property
    def actor(self) -> Actor:
        """As audit lines and the maker-checker rule name this person."""
        return person(self.username)


class SignInFailure(models.Model):
    """One failed attempt to sign in; counted for a quarter of an hour, then removed."""

    account = models.CharField(max_length=150)
    address = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["address", "account", "-at"], name="sign_in_failure_recent")]

    def __str__(self) -> str:
        return f"{self.account} from {self.address} at {self.at:%Y-%m-%d %H:%M}"
