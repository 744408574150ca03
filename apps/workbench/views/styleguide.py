"""Every component in every state, on one page: what the browser tests look at, and where a new screen begins."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.core import clock
from apps.core.money import Money
from apps.exceptions.states import CaseState, Severity
from apps.workbench.chain import chain_of
from apps.workbench.evidence import field_diff
from apps.workbench.keyset import KeysetPage
from apps.workbench.screen import screen
from apps.workbench.words import STATES, TONES

_MONIES = (
    Money(Decimal("283534.00"), "EUR"),
    Money(Decimal("-96100.50"), "USD"),
    Money(Decimal("1250000"), "JPY"),
    Money(Decimal("0.125"), "BHD"),
)
_EVIDENCE = {
    "canonical": {"currency": "EUR", "amount": "84000.00", "tax_code": "DE19", "bill_to": {"entity": "DE-01"}},
    "sent": {"currency": "EUR", "amount": 84000, "bill_to": {"entity": "DE-02"}},
    "answer": {"currency": "EUR", "amount": "84000.00", "tax_code": None},
}
_RUNBOOK = """Fill the tax code from the **customer master**, then replay.

1. Look at the field marked *differs* below.
2. Correct it where it is owned.

| Field | Owner |
|---|---|
| tax code | ERP |
"""


class _Sample(forms.Form):
    """One field of each sort."""

    name = forms.CharField(label="Purchase order", help_text="As the customer wrote it.")
    reason = forms.CharField(label="Reason", widget=forms.Textarea(attrs={"rows": 2}), required=False)
    entity = forms.ChoiceField(label="Legal entity", choices=[("DE-01", "DE-01"), ("UK-01", "UK-01")])
    theme = forms.ChoiceField(
        label="One of three", choices=[("a", "First"), ("b", "Second"), ("c", "Third")], widget=forms.RadioSelect
    )
    agreed = forms.BooleanField(label="The customer has agreed", required=False)


@screen(needs="staff")
def styleguide(request: HttpRequest) -> HttpResponse:
    """The page."""
    now = clock.now()
    context: dict[str, Any] = {
        "tones": TONES,
        "states": list(STATES),
        "severities": list(Severity),
        "case_states": list(CaseState),
        "monies": _MONIES,
        "instants": [
            now - timedelta(seconds=20),
            now - timedelta(hours=3),
            now + timedelta(hours=3),
            now - timedelta(days=9),
        ],
        "form": _Sample(),
        "refused": _Sample({"entity": "FR-09"}, auto_id="refused_%s"),
        "diff": field_diff(_EVIDENCE),
        "chain": chain_of(saga="milestone_billing", awaiting="invoice.posted", is_open=True),
        "runbook": _RUNBOOK,
        "page": KeysetPage(rows=[None] * 50, total=10_001, next_url="?after=x", previous_url="?before=x"),
    }
    return render(request, "workbench/styleguide/page.html", context)
