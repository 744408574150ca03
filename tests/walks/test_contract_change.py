"""A contract that changes while people are asked voids what they have agreed to."""

from apps.billing.models import BillingMilestone
from apps.contracts.models import Contract
from apps.governance.models import Approval
from apps.governance.states import ApprovalState
from apps.processes.demo.walk import APPROVERS
from apps.processes.demo.watching import agree
from apps.projects.models import Project
from apps.projects.states import ProjectState
from tests.plugins.estate import Estate


def test_a_changed_contract_voids_both_approvals_and_asks_again(company: Estate) -> None:
    ref = company.win()
    company.hear(ref)
    company.settle()
    contract = Contract.objects.get(ref=ref)
    first = set(Approval.objects.filter(correlation_id=contract.correlation_id).values_list("pk", flat=True))
    one = Approval.objects.get(kind="billing_method")
    from apps.access.models import User
    from apps.processes.decisions.approval import grant

    grant(one.pk, by=User.objects.get(username=APPROVERS[one.role]).actor, why="ok")
    company.settle()

    line = company.sandbox.ask("ledger?vendor=hubspot&kind=line_items&limit=1")[0]
    company.outside.change("line_items", line["id"], amount="1500.00", price="1500.00")
    company.outside.change("deals", ref, amount="4000.50")
    company.hear_again(ref)

    assert set(Approval.objects.filter(pk__in=first).values_list("state", flat=True)) == {ApprovalState.VOIDED}
    assert Approval.objects.filter(state=ApprovalState.REQUESTED).count() == 2
    while agree(story=contract.correlation_id, by=APPROVERS):
        company.settle()
    project = Project.objects.get(contract=contract)
    contract.refresh_from_db()
    assert (project.state, contract.revision) == (ProjectState.ACTIVE, 2)
    assert sum(BillingMilestone.objects.values_list("amount", flat=True)) == contract.value == 4000.5
