"""From any id a person may have in hand to the story it belongs to."""

import re
from collections.abc import Callable

from apps.access.models import User
from apps.billing.models import BillingMilestone, CreditMemo, Invoice
from apps.contracts.models import Contract
from apps.events.models import InboxEvent, OutboxCommand
from apps.exceptions.queries import visible_cases
from apps.governance.models import Approval, ExternalId
from apps.processes.models import ProcessRun, ProcessStep
from apps.projects.models import Project

_ID = re.compile(r"([A-Za-z]{3})-([0-9A-Za-z]+)\Z")


def story_of(words: str, *, user: User) -> str:
    """The correlation id behind an id of ours, a record of a connected system, an invoice number; empty when unknown.

    Whether the person may see the story is for the trace itself to say.
    """
    words = words.strip()
    found = _ID.match(words)
    if found and (look := _BY_PREFIX.get(found[1].upper())):
        return look(words.upper(), user)
    return _by_story(words) or _by_number(words) or _by_record(words, user) or _by_event(words)


def _case(number: str, user: User) -> str:
    digits = number.partition("-")[2]
    if not digits.isdigit():
        return ""
    return visible_cases(user).filter(pk=int(digits)).values_list("correlation_id", flat=True).first() or ""


def _event(number: str, user: User) -> str:
    digits = number.partition("-")[2]
    if not digits.isdigit():
        return ""
    return InboxEvent.objects.filter(pk=int(digits)).values_list("correlation_id", flat=True).first() or ""


def _command(number: str, user: User) -> str:
    digits = number.partition("-")[2]
    if not digits.isdigit():
        return ""
    return OutboxCommand.objects.filter(pk=int(digits)).values_list("correlation_id", flat=True).first() or ""


def _milestone(pk: str, user: User) -> str:
    return BillingMilestone.objects.filter(pk=pk).values_list("project__correlation_id", flat=True).first() or ""


def _step(pk: str, user: User) -> str:
    return ProcessStep.objects.filter(pk=pk).values_list("run__correlation_id", flat=True).first() or ""


def _row(model: type[Project | Contract | Invoice | CreditMemo | ProcessRun | Approval]) -> Callable[[str, User], str]:
    def look(pk: str, user: User) -> str:
        return model._default_manager.filter(pk=pk).values_list("correlation_id", flat=True).first() or ""

    return look


_BY_PREFIX: dict[str, Callable[[str, User], str]] = {
    "PRJ": _row(Project),
    "CON": _row(Contract),
    "INV": _row(Invoice),
    "CRN": _row(CreditMemo),
    "RUN": _row(ProcessRun),
    "APR": _row(Approval),
    "BMS": _milestone,
    "STP": _step,
    "EXC": _case,
    "EVT": _event,
    "CMD": _command,
}


def _by_story(words: str) -> str:
    known = InboxEvent.objects.filter(correlation_id=words).exists() if words else False
    known = known or (bool(words) and Contract.objects.filter(correlation_id=words).exists())
    return words if known else ""


def _by_number(words: str) -> str:
    """The ERP's invoice number, or the CRM's id of an opportunity."""
    return (
        Invoice.objects.filter(number=words).values_list("correlation_id", flat=True).first()
        or Contract.objects.filter(ref=words).values_list("correlation_id", flat=True).first()
        or ""
    )


def _by_record(words: str, user: User) -> str:
    row = ExternalId.objects.filter(external_id=words).order_by("pk").first()
    if row is None:
        return ""
    prefix = row.canonical_id.partition("-")[0]
    look = _BY_PREFIX.get(prefix)
    return row.correlation_id or (look(row.canonical_id, user) if look else "")


def _by_event(words: str) -> str:
    return InboxEvent.objects.filter(external_id=words).values_list("correlation_id", flat=True).first() or ""
