"""A decision as a form: the reason, and what the decision asks for."""

from collections.abc import Sequence
from typing import Any

from django import forms

from apps.core.errors import BadInput
from apps.processes.decisions.definition import Input


class DecisionForm(forms.Form):
    """What a person says when deciding. Values stay text here: the decision itself reads and checks them."""

    expected_version = forms.IntegerField(widget=forms.HiddenInput)
    why = forms.CharField(label="Reason", max_length=2000, required=False)

    def __init__(self, *args: Any, needs_why: bool = False, inputs: Sequence[Input] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked = [each.name for each in inputs]
        for each in inputs:
            self.fields[each.name] = _field(each)
        self.fields["why"].required = needs_why
        self.fields["why"].error_messages["required"] = "Say why; the audit line keeps your words."
        self.order_fields(["expected_version", *self.asked, "why"])
        if not needs_why:
            self.fields["why"].widget = forms.HiddenInput()

    def inputs(self) -> dict[str, str]:
        """What was given for what the decision asks."""
        return {name: str(self.cleaned_data.get(name, "")) for name in self.asked}

    def refuse(self, error: BadInput) -> None:
        """Show what is wrong at the field it is about, if that is on the form."""
        field = error.path.partition(".")[0]
        self.add_error(field if field in self.fields else None, f"{error}. {error.mend}".strip())


def _field(wanted: Input) -> forms.Field:
    common: dict[str, Any] = {
        "label": wanted.label,
        "required": wanted.required,
        "help_text": wanted.help,
        "initial": wanted.value,
        "error_messages": {"required": f"{wanted.label} is missing. {wanted.help}".strip()},
    }
    if wanted.kind == "choice":
        return forms.ChoiceField(choices=[("", "Choose"), *wanted.choices], **common)
    if wanted.kind == "long_text":
        rows = min(24, max(6, wanted.value.count("\n") + 1))
        return forms.CharField(widget=forms.Textarea(attrs={"rows": rows, "spellcheck": "false"}), **common)
    types = {"date": "date", "datetime": "datetime-local"}
    widget = forms.TextInput(attrs={"type": types.get(wanted.kind, "text"), "autocomplete": "off"})
    return forms.CharField(widget=widget, **common)
