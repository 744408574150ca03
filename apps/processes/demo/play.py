"""Playing the demo's stories through the running system, all at once, as months of work would have left it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from apps.billing.models import BillingMilestone, Invoice
from apps.billing.states import InvoiceState
from apps.contracts.models import Account, Contract
from apps.core import clock
from apps.exceptions.models import ExceptionCase
from apps.processes.demo.outside import Outside
from apps.processes.demo.stories import Story, stories
from apps.processes.demo.walk import APPROVERS
from apps.processes.demo.watching import agree, wait_for
from apps.projects.models import Project
from apps.projects.states import ProjectState

TIMEOUT_S = 240
_REACHED = (ProjectState.ACTIVE, ProjectState.ON_HOLD, ProjectState.CLOSED)
_BILLED = (InvoiceState.POSTED, InvoiceState.PARTLY_PAID, InvoiceState.PAID)


@dataclass(slots=True)
class _Playing:
    story: Story
    ref: str


def play(*, outside: Outside, say: Callable[[str], None]) -> None:
    """Win what is not won yet, agree, bill, and wait until every story ended as it is meant to.

    Safe to repeat: a story that is there is taken up where it stands. Raises StoryStuck naming what did not come.
    """
    playing = [_win(story, outside) for story in stories(clock.today("Europe/Berlin"))]
    say(f"{len(playing)} deals are won")
    for one in playing:
        wait_for(f"the contract of {one.story.name}", partial(_contract, one), timeout_s=TIMEOUT_S)
    for one in playing:
        if one.story.agrees:
            wait_for(f"activation of {one.story.name}", partial(_activated, one), timeout_s=TIMEOUT_S)
    say(f"{Project.objects.filter(state__in=_REACHED).count()} projects are active")
    for one in playing:
        _bill(one, outside)
        if one.story.after and not _has_case(one):
            one.story.after(outside, one.ref)
    for one in playing:
        wait_for(f"the end of {one.story.name}", partial(_ended, one), timeout_s=TIMEOUT_S)
    say(f"{Invoice.objects.filter(state__in=_BILLED).count()} invoices are posted")
    say(f"{ExceptionCase.objects.values('family').distinct().count()} families of cases are shown")


def _win(story: Story, outside: Outside) -> _Playing:
    known = Contract.objects.filter(name=story.name).values_list("ref", flat=True).first()
    if known:
        return _Playing(story, known)
    if story.before:
        story.before(outside)
    # A second deal of one customer is a deal of the same company, as a salesperson would enter it.
    company = Account.objects.filter(name=story.deal["company"]["name"]).values_list("ref", flat=True).first()
    spec = {**story.deal, "company": {"id": company}} if company else story.deal
    ref = outside.win(spec)
    wait_for(f"the contract of {story.name}", lambda: Contract.objects.filter(ref=ref).exists(), timeout_s=TIMEOUT_S)
    return _Playing(story, ref)


def _contract(one: _Playing) -> Contract | None:
    return Contract.objects.filter(ref=one.ref).first()


def _activated(one: _Playing) -> bool:
    contract = _contract(one)
    assert contract is not None
    agree(story=contract.correlation_id, by=APPROVERS)
    states = set(Project.objects.filter(contract=contract).values_list("state", flat=True))
    return (bool(states) and states <= set(_REACHED)) or _has_case(one)


def _bill(one: _Playing, outside: Outside) -> None:
    contract = _contract(one)
    assert contract is not None
    for entity, code, amount in one.story.bills:
        milestone = BillingMilestone.objects.filter(contract=contract, legal_entity=entity, code=code).first()
        if milestone is None or Invoice.objects.filter(milestone=milestone, net=amount or milestone.amount).exists():
            continue
        part = {"amount": amount} if amount else {}
        outside.achieve(
            contract_ref=one.ref,
            legal_entity=entity,
            milestone_code=code,
            achieved_on=clock.today("UTC").isoformat(),
            evidence="Acceptance protocol signed by the customer",
            **part,
        )


def _ended(one: _Playing) -> bool:
    contract = _contract(one)
    assert contract is not None
    if not one.story.agrees:
        return True
    if one.story.ends_in:
        agree(story=contract.correlation_id, by=APPROVERS)
        return _has_case(one)
    agree(story=contract.correlation_id, by=APPROVERS)
    posted = Invoice.objects.filter(contract=contract, state__in=_BILLED, told_crm_at__isnull=False).count()
    return posted >= len(one.story.bills)


def _has_case(one: _Playing) -> bool:
    if not one.story.ends_in:
        return False
    # An event nobody can place belongs to no story yet, so it is known by its kind alone.
    cases = ExceptionCase.objects.filter(kind=one.story.ends_in)
    contract = _contract(one)
    return cases.filter(correlation_id__in=["", contract.correlation_id if contract else ""]).exists() or (
        one.story.ends_in in ("crosswalk_missing", "not_system_of_record") and cases.exists()
    )
