"""park_until: nothing is done before a day has come or a period is open; then it is tried again by itself."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.db import transaction

from apps.audit.work import Work
from apps.billing.models import FiscalPeriod
from apps.billing.states import PeriodState
from apps.contracts.models import LegalEntity
from apps.core import clock
from apps.core.actor import system
from apps.core.errors import BadInput
from apps.events import bell
from apps.exceptions.models import ExceptionCase
from apps.processes.decisions import rulings
from apps.processes.decisions.definition import Asked, Decision, Input
from apps.processes.decisions.on_step import is_outcome_unknown, must_be, tell_engine_later
from apps.processes.models import ProcessStep, Ruling
from apps.processes.states import RulingState, StepState

MOST_AT_ONCE = 500
_WATCH = system("watchdog")
_DAY, _PERIOD = "day", "period"


def _possible(case: ExceptionCase, step: ProcessStep | None) -> str:
    if case.state == "resolving":
        return "A decision is being carried out; wait for what it comes to."
    if is_outcome_unknown(step):
        return "Nobody knows yet whether it happened; look it up before anything is sent again."
    return must_be(step, StepState.PARKED)


def _inputs(case: ExceptionCase, step: ProcessStep | None) -> tuple[Input, ...]:
    choices = [(_DAY, "A day comes")]
    if case.entity:
        choices.append((_PERIOD, f"The period of {case.entity} is open"))
    return (
        Input("until", "Wait until", "choice", "What has to happen first.", choices=tuple(choices)),
        Input("day", "Day", "date", "The day to try again, or a day of the period; in the entity's own calendar."),
    )


def _take(asked: Asked) -> None:
    case, day = asked.case, asked.inputs["day"]
    zone = LegalEntity.objects.filter(pk=case.entity).values_list("zone", flat=True).first() or "UTC"
    content = {"until": asked.inputs["until"], "day": day.isoformat(), "entity": case.entity}
    if asked.inputs["until"] == _PERIOD:
        if _is_open(case.entity, day):
            raise BadInput(f"the period of {day} is open", path="until", mend="Replay now, or choose a day.")
        due_at = clock.now()
    else:
        due_at = datetime.combine(day, time(), ZoneInfo(zone))
        if due_at <= clock.now():
            raise BadInput(f"{day} has come already", path="day", mend="Choose a day to come.")
    rulings.keep(asked, decision="park_until", content=content, state=RulingState.WAITING, due_at=due_at)
    if asked.inputs["until"] == _DAY:
        case.snoozed_until = due_at


def wake_parked(*, most: int = MOST_AT_ONCE) -> int:
    """Try again what has waited for a day or a period that has now come. Returns how many. Twice is safe."""
    woken = 0
    due = Ruling.objects.filter(state=RulingState.WAITING, due_at__lte=clock.now()).order_by("due_at")
    for ruling in due[:most]:
        if ruling.content.get("until") == _PERIOD and not _is_open(
            ruling.content["entity"], date.fromisoformat(ruling.content["day"])
        ):
            continue
        with transaction.atomic():
            woken += _wake(ruling.pk)
    if woken:
        bell.ring_inbox()
    return woken


def _wake(ruling_id: str) -> int:
    work = Work()
    case, ruling = rulings.hold(work, ruling_id)
    if ruling.state != RulingState.WAITING:
        return 0
    if not case.is_open:
        rulings.end(work, case, ruling, RulingState.LAPSED, by=_WATCH, why=f"{case.number} is {case.state} by now")
    else:
        case.snoozed_until = None
        tell_engine_later(case, ruling, "replay", {})
        if case.state in ("open", "assigned"):
            work.move(case, "begin", by=_WATCH, why="its day has come", story=case.correlation_id)
        rulings.end(work, case, ruling, RulingState.DONE, by=_WATCH, why="its day has come")
    work.flush()
    return 1


def _is_open(entity: str, day: date) -> bool:
    period = FiscalPeriod.objects.filter(legal_entity_id=entity, starts_on__lte=day, ends_on__gte=day).first()
    return period is not None and period.state != PeriodState.CLOSED


PARK_UNTIL = Decision(
    "park_until",
    "Park until",
    "cases.decide",
    _possible,
    _take,
    done="It is tried again by itself when that has come.",
    inputs=_inputs,
    closes=True,
    in_groups=True,
)
