"""correct_master_data: what is missing about the customer is filled in here, where its owner allows that, and tried again."""

from typing import Any

from apps.audit.work import Work
from apps.billing.models import BillingMilestone
from apps.canonical.codec import read
from apps.canonical.parties import Account as Stated
from apps.canonical.parties import BillingContact
from apps.contracts.actions.corrections import correct_account, correctable
from apps.contracts.models import Account
from apps.core.actor import Actor
from apps.core.errors import BadInput
from apps.exceptions.models import ExceptionCase
from apps.governance.models import Approval
from apps.governance.ownership import rules_now
from apps.processes.decisions import rulings
from apps.processes.decisions.definition import Asked, Decision, Input
from apps.processes.decisions.on_step import is_outcome_unknown, must_be, tell_engine, tell_engine_later
from apps.processes.models import ProcessStep, Ruling
from apps.processes.states import RulingState, StepState
from apps.projects.models import Project

_LABELS = {
    "name": "Name",
    "tax_id": "Tax id",
    "country": "Country (two letters)",
    "parent_ref": "Id of the parent company in the CRM",
    "payment_terms_days": "Payment terms in days",
    "domain": "Internet domain",
}
_BILL_TO = {
    "name": "Invoice to: name",
    "email": "Invoice to: e-mail",
    "street": "Invoice to: street",
    "city": "Invoice to: city",
    "zip": "Invoice to: postal code",
    "country": "Invoice to: country (two letters)",
}
_PREFIX = "bill_to_"
# Who is taxed, and how, takes two people.
_SENSITIVE = frozenset({"tax_id", "country"})


def _possible(case: ExceptionCase, step: ProcessStep | None) -> str:
    if reason := must_be(step, StepState.PARKED):
        return reason
    if is_outcome_unknown(step):
        return "Nobody knows yet whether it happened; look it up before anything is sent again."
    account = _account(case)
    if account is None:
        return "This case is not about a customer we know."
    if not correctable(account, rules_now()):
        owner = rules_now().rule("account", case.field.rpartition(".")[2]).owner
        return f"What is wrong belongs to another system ({owner}). Have it corrected there; then replay."
    return ""


def _inputs(case: ExceptionCase, step: ProcessStep | None) -> tuple[Input, ...]:
    account = _account(case)
    names = correctable(account, rules_now()) if account else []
    plain = [
        Input(name, _LABELS[name], required=False, value=str(getattr(account, name) or ""))
        for name in names
        if name in _LABELS
    ]
    address = dict((account.bill_to or {}) if account else {})
    start = {"name": account.name, "country": account.country, **address} if account else address
    contact = [
        Input(f"{_PREFIX}{name}", label, required=False, value=str(start.get(name, "")))
        for name, label in _BILL_TO.items()
        if "bill_to" in names
    ]
    return (*contact, *plain)


def _take(asked: Asked) -> None:
    account = _account(asked.case)
    assert account is not None
    values = _changed(account, asked.inputs)
    held = asked.work.lock(Account, [account.pk])[account.pk]
    content = {"account": account.pk, "values": values}
    if _SENSITIVE & set(values):
        ruling = rulings.keep(asked, decision="correct_master_data", content=content, state=RulingState.ASKED)
        rulings.ask_second_person(asked, ruling, kind="payload_edit", summary=f"correct {', '.join(values)}")
        return
    correct_account(
        asked.work, held, values, rules=rules_now(), by=asked.by, why=asked.why, story=asked.case.correlation_id
    )
    tell_engine(asked, "replay")


def _carry_out(work: Work, case: ExceptionCase, ruling: Ruling) -> None:
    account_id, values = ruling.content["account"], ruling.content["values"]
    held = work.lock(Account, [account_id])[account_id]
    agreed = Approval.objects.values_list("decided_by", flat=True).get(pk=ruling.approval_id)
    maker = Actor("person", ruling.by.partition(":")[2])
    why = f"{ruling.why} (agreed to by {agreed})"
    correct_account(work, held, values, rules=rules_now(), by=maker, why=why, story=case.correlation_id)
    tell_engine_later(case, ruling, "replay", {})


def _changed(account: Account, given: Any) -> dict[str, Any]:
    """What is given and differs, each as the canonical account would have it; raises BadInput naming the input."""
    plain = {name: value for name, value in given.items() if name in _LABELS and value}
    address = {name.removeprefix(_PREFIX): value for name, value in given.items() if name.startswith(_PREFIX)}
    values: dict[str, Any] = {}
    try:
        stated = read(Stated, {"ref": account.ref, "name": account.name, **plain})
    except BadInput as error:
        raise BadInput(str(error), path=error.path, mend="Correct it.") from error
    values.update({name: getattr(stated, name) for name in plain})
    # Name and country stand in the form already; alone they are no address.
    if any(address.get(name) for name in ("email", "street", "city", "zip")):
        try:
            values["bill_to"] = read(BillingContact, address).model_dump(mode="json")
        except BadInput as error:
            raise BadInput(str(error), path=f"{_PREFIX}{error.path}", mend="Correct it.") from error
    values = {name: value for name, value in values.items() if value != getattr(account, name)}
    if not values:
        raise BadInput("nothing was changed", mend="Fill something in, or replay it as it is.")
    return values


def _account(case: ExceptionCase) -> Account | None:
    """The customer behind what is stuck: that of the project, or of the milestone's."""
    if case.subject_type == "account":
        return Account.objects.filter(pk=case.subject_id).first()
    project_id: str | None = case.subject_id
    if case.subject_type == "billingmilestone":
        project_id = BillingMilestone.objects.filter(pk=case.subject_id).values_list("project_id", flat=True).first()
    project = Project.objects.filter(pk=project_id).select_related("contract__account").first()
    return project.contract.account if project else None


CORRECT_MASTER_DATA = Decision(
    "correct_master_data",
    "Correct master data",
    "cases.decide",
    _possible,
    _take,
    done="Written where it is ours to write, and tried again; tax data waits for a second person.",
    inputs=_inputs,
    carry_out=_carry_out,
    second_person=True,
)
