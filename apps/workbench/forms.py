"""Forms of the screens: sign-in, preferences, and a note on a case."""

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError

from apps.access import sign_in
from apps.access.models import Density, Theme, User


class SignInForm(AuthenticationForm):
    """User name and password; refuses before it looks at the password when there were too many failures."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "invalid_login": "User name and password do not go together. Both are case-sensitive.",
        "inactive": "This account is switched off. Ask an admin.",
    }
    wait_s = 0

    def clean(self) -> dict[str, Any]:
        """Check the password, counting failures per account and address."""
        account = self.cleaned_data.get("username", "")
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        self.wait_s = sign_in.wait_s(account, address=address)
        if self.wait_s:
            minutes = -(-self.wait_s // 60)
            raise ValidationError(f"Too many failed sign-ins. Wait {minutes} min and try again.", code="throttled")
        try:
            cleaned = super().clean()
        except ValidationError:
            sign_in.record_failure(account, address=address)
            raise
        sign_in.forget_failures(account, address=address)
        return cleaned


def _zones() -> list[tuple[str, str]]:
    names = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))
    return [(name, name.replace("_", " ")) for name in ("UTC", *names)]


class PreferencesForm(forms.ModelForm):
    """How a person likes the screens."""

    theme = forms.ChoiceField(
        choices=[(Theme.SYSTEM, "As my device"), (Theme.LIGHT, "Light"), (Theme.DARK, "Dark")], widget=forms.RadioSelect
    )
    density = forms.ChoiceField(
        choices=[(Density.COMFORTABLE, "Comfortable"), (Density.COMPACT, "Compact")],
        label="Rows",
        widget=forms.RadioSelect,
    )
    time_zone = forms.ChoiceField(
        choices=_zones,
        label="Time zone",
        help_text="Instants are shown in this zone; accounting dates in the entity's own.",
    )
    single_keys = forms.BooleanField(
        required=False,
        label="Single-key shortcuts in lists",
        help_text="j and k move between rows while the list has the focus.",
    )

    class Meta:
        model = User
        fields = ["theme", "density", "time_zone", "single_keys"]


class NoteForm(forms.Form):
    """A note on a case."""

    text = forms.CharField(label="Note", max_length=4000, widget=forms.Textarea(attrs={"rows": 2}))
