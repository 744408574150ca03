"""Forms of the rule pages: propose another owner or conflict policy, and move a change on."""

from typing import Any

from django import forms

from apps.governance.models import SystemOfRecordRule
from apps.governance.states import Policy, SystemKind
from apps.workbench.rules_page import POLICIES


class ProposalForm(forms.Form):
    """Another owner or conflict policy for one field, from when, and why."""

    owner = forms.ChoiceField(label="Owner", choices=[(kind.value, kind.value.upper()) for kind in SystemKind])
    conflict_policy = forms.ChoiceField(
        label="When another system writes it", choices=[(policy.value, POLICIES[policy]) for policy in Policy]
    )
    others_may_fill = forms.BooleanField(label="Others may give the first value of an empty field", required=False)
    effective_from = forms.DateField(
        label="Counts from",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Empty: as soon as it is approved.",
    )
    why = forms.CharField(label="Reason", max_length=2000)

    def __init__(self, *args: Any, rule: SystemOfRecordRule, **kwargs: Any) -> None:
        now = {name: getattr(rule, name) for name in ("owner", "conflict_policy", "others_may_fill")}
        super().__init__(*args, **{**kwargs, "initial": now})
        self._now = now

    def clean(self) -> dict[str, Any]:
        """A change that changes nothing helps nobody."""
        cleaned = super().clean() or {}
        if not self.errors and all(cleaned[name] == value for name, value in self._now.items()):
            raise forms.ValidationError("This is what counts already. Choose another owner or conflict policy.")
        return cleaned


class MoveForm(forms.Form):
    """One step of a change, with the version that was seen."""

    expected_version = forms.IntegerField()
    why = forms.CharField(label="Reason", max_length=2000, error_messages={"required": "Say why; it is kept."})
