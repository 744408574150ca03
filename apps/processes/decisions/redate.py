"""redate: an invoice bears another day than today's, in a period that is open, once a second person agrees."""

from datetime import date

from apps.audit.work import Work
from apps.billing.models import FiscalPeriod
from apps.billing.states import PeriodState
from apps.contracts.models import LegalEntity
from apps.core import clock
from apps.core.errors import BadInput
from apps.exceptions.models import ExceptionCase
from apps.processes.decisions import rulings
from apps.processes.decisions.definition import Asked, Decision, Input
from apps.processes.decisions.on_step import is_outcome_unknown, must_be, tell_engine_later
from apps.processes.models import ProcessStep, Ruling
from apps.processes.states import RulingState, StepState

# The steps whose work begins with the invoice's day.
_STEPS = ("eligibility", "erp_invoice")


def _possible(case: ExceptionCase, step: ProcessStep | None) -> str:
    if reason := must_be(step, StepState.PARKED):
        return reason
    assert step is not None
    if case.saga != "milestone_billing" or step.name not in _STEPS:
        return "What is stuck here does not depend on the invoice's date."
    if is_outcome_unknown(step):
        return "Nobody knows yet whether it happened; look it up before anything is sent again."
    return ""


def _inputs(case: ExceptionCase, step: ProcessStep | None) -> tuple[Input, ...]:
    return (Input("invoice_date", "Invoice date", "date", f"A day of an open period of {case.entity}."),)


def _take(asked: Asked) -> None:
    case, day = asked.case, asked.inputs["invoice_date"]
    _require_open(case.entity, day)
    content = {"invoice_date": day.isoformat(), "entity": case.entity}
    ruling = rulings.keep(asked, decision="redate", content=content, state=RulingState.ASKED)
    rulings.ask_second_person(asked, ruling, kind="redate", summary=f"date the invoice {day}")


def _require_open(entity: str, day: date) -> None:
    zone = LegalEntity.objects.filter(pk=entity).values_list("zone", flat=True).first() or "UTC"
    period = FiscalPeriod.objects.filter(legal_entity_id=entity, starts_on__lte=day, ends_on__gte=day).first()
    if period is None or period.state == PeriodState.CLOSED:
        raise BadInput(f"{day} is in no open period of {entity}", path="invoice_date", mend="Choose another day.")
    last = max(clock.today(zone), period.starts_on)
    if day > last:
        raise BadInput(
            f"{day} is later than needed", path="invoice_date", mend=f"Choose {last} or a day of this period before it."
        )


def _carry_out(work: Work, case: ExceptionCase, ruling: Ruling) -> None:
    tell_engine_later(case, ruling, "redate", {"invoice_date": ruling.content["invoice_date"]})


REDATE = Decision(
    "redate",
    "Redate",
    "cases.decide",
    _possible,
    _take,
    done="A second person is asked; then it goes out under that day.",
    inputs=_inputs,
    carry_out=_carry_out,
    second_person=True,
    in_groups=True,
)
