"""kill -9 at every point of the walk: the next worker goes on, nothing is lost and nothing is done twice."""

import time
from collections.abc import Callable

import pytest

from apps.billing.models import Invoice
from apps.billing.states import InvoiceState
from apps.contracts.models import Contract
from apps.events.failpoints import KILLED
from apps.events.models import OutboxCommand
from apps.exceptions.models import ExceptionCase
from apps.processes.demo.walk import APPROVERS
from apps.processes.demo.watching import agree
from apps.processes.models import ProcessRun
from apps.processes.states import RunState
from apps.projects.models import Project
from tests.faults.whole import assert_whole
from tests.faults.workers import Forge, is_idle, let_time_pass
from tests.plugins.estate import PROOF, Estate

pytestmark = [pytest.mark.faults]
# Point → passages of which one is chosen in turn: where the first is deadly nothing would ever get done.
POINTS = {
    "before_lease": 2, "after_lease": 2, "before_commit": 2, "after_commit": 1, "before_claim": 12, "after_claim": 3,
    "before_send": 3, "after_send": 3, "before_record": 3, "after_record": 1,
}  # fmt: skip


@pytest.mark.parametrize("point", POINTS)
def test_a_story_ends_well_though_every_worker_is_killed_on_its_way(company: Estate, forge: Forge, point: str) -> None:
    ref = company.win()
    company.hear(ref)
    story = _Story(ref)

    kills = _work_off_by_mortals(company, forge, point, until=story.goes_on)

    assert list(ExceptionCase.objects.values_list("kind", "cause")) == []
    (invoice,) = Invoice.objects.all()
    assert invoice.state == InvoiceState.POSTED
    assert invoice.told_crm_at is not None
    assert set(ProcessRun.objects.values_list("state", flat=True)) == {RunState.DONE}
    assert list(ExceptionCase.objects.values_list("kind", "cause")) == []
    assert kills > 4
    assert_whole(company)


class _Story:
    """Activation, then billing of one milestone; people agree whenever they are asked."""

    def __init__(self, ref: str) -> None:
        self.ref, self.billed = ref, False

    def goes_on(self, company: Estate) -> bool:
        """Do what people and the PSA do next; False when the story is over."""
        contract = Contract.objects.filter(ref=self.ref).first()
        if contract is None:
            return True
        if agree(story=contract.correlation_id, by=APPROVERS):
            return True
        if not self.billed:
            project = Project.objects.get(contract=contract)
            company.tell("psa", "milestone.achieved", {"project_id": project.pk, "milestone_code": "M1", **PROOF})
            self.billed = True
            return True
        return False


def _work_off_by_mortals(company: Estate, forge: Forge, point: str, *, until: Callable[[Estate], bool]) -> int:
    """Let worker after worker die at `point` (its first, second or third passage) until all is done; how many died."""
    kills, ends_at = 0, time.monotonic() + 120
    while time.monotonic() < ends_at:
        worker = forge.worker(f"{point}:{1 + 7 * kills % POINTS[point]}")
        while (code := forge.code(worker, timeout_s=0.02)) is None:
            if is_idle():
                break
        if code is not None:
            assert code == KILLED
            kills += 1
            let_time_pass(120)
            continue
        if not until(company):
            worker.kill()
            return kills
        worker.kill()
        let_time_pass(120)
    raise AssertionError(f"not done after {kills} kills: {OutboxCommand.objects.values_list('name', 'state', 'error')}")
