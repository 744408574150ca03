"""grant and refuse on a case: the approval its step waits for is answered there and then."""

from apps.core.errors import BadInput
from apps.exceptions.models import ExceptionCase
from apps.governance.models import Approval
from apps.governance.states import ApprovalState
from apps.processes.decisions.definition import Asked, Decision, Input
from apps.processes.decisions.on_step import must_be
from apps.processes.models import ProcessStep
from apps.processes.states import StepState


def _possible(case: ExceptionCase, step: ProcessStep | None) -> str:
    if reason := must_be(step, StepState.WAITING):
        return reason
    return "" if _wanted(step) else "Nobody is asked for an approval here by now."


def _inputs(case: ExceptionCase, step: ProcessStep | None) -> tuple[Input, ...]:
    choices = tuple((each.pk, _words(each)) for each in _wanted(step))
    only = choices[0][0] if len(choices) == 1 else ""
    return (Input("approval", "What is asked", "choice", "Who asked may not answer.", value=only, choices=choices),)


def _grant(asked: Asked) -> None:
    _answer(asked, is_yes=True)


def _refuse(asked: Asked) -> None:
    _answer(asked, is_yes=False)


def _answer(asked: Asked, *, is_yes: bool) -> None:
    # The door of approvals carries out rulings by the registry, which lists these decisions.
    from apps.processes.decisions import approval

    approval_id = asked.inputs["approval"]
    if approval_id not in {each.pk for each in _wanted(asked.step)}:
        raise BadInput(f"{approval_id} is not asked any more", path="approval", mend="Look at the case again.")
    if is_yes:
        approval.grant(approval_id, by=asked.by, why=asked.why)
    else:
        approval.refuse(approval_id, by=asked.by, why=asked.why)


def _wanted(step: ProcessStep | None) -> list[Approval]:
    if step is None:
        return []
    if "wanted" not in step.__dict__:
        rows = Approval.objects.filter(reference=step.pk, state=ApprovalState.REQUESTED)
        step.__dict__["wanted"] = list(rows.order_by("pk"))
    found: list[Approval] = step.__dict__["wanted"]
    return found


def _words(approval: Approval) -> str:
    money = f", {approval.amount:f} {approval.currency}" if approval.amount is not None else ""
    return f"{approval.kind.replace('_', ' ').capitalize()}: {approval.summary}{money}"


GRANT = Decision(
    "grant", "Grant", "approvals.decide", _possible, _grant, done="Approved; it goes on.", needs_why=False,
    inputs=_inputs,
)  # fmt: skip
REFUSE = Decision(
    "refuse", "Refuse", "approvals.decide", _possible, _refuse, done="Refused; the process ends there.", inputs=_inputs
)
