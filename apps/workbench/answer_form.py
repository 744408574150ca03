"""The form with which a person answers what they are asked to approve."""

from collections.abc import Sequence
from typing import Any

from django import forms


class AnswerForm(forms.Form):
    """The answer to approvals: which, yes or no, and why. Each ticked one brings what the person saw of it."""

    answer = forms.ChoiceField(choices=[("grant", "Approve"), ("refuse", "Refuse")])
    approval = forms.MultipleChoiceField(
        label="What to decide", error_messages={"required": "Tick at least one approval that waits for you."}
    )
    why = forms.CharField(label="Reason", max_length=2000, required=False)

    def __init__(self, *args: Any, asks: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["approval"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = list(asks)

    def clean(self) -> dict[str, Any]:
        """A refusal says what has to change."""
        cleaned = super().clean() or {}
        if cleaned.get("answer") == "refuse" and not cleaned.get("why", "").strip():
            self.add_error("why", "Say what has to change before you would agree.")
        return cleaned

    def seen(self, approval_id: str) -> tuple[int | None, str]:
        """(version, hash) of an approval as its page showed it."""
        version, _, seen_hash = str(self.data.get(f"seen-{approval_id}", "")).partition(":")
        return (int(version) if version.isdigit() else 0), seen_hash
