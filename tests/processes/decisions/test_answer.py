"""An approval that is overdue is answered on its case, by who may and never by who asked."""

import pytest

from apps.access.errors import NotAllowed
from apps.core import clock
from apps.exceptions.models import ExceptionCase
from apps.exceptions.states import CaseState
from apps.governance.errors import NotYourDecision
from apps.processes import watchdog
from apps.processes.models import ProcessRun
from apps.projects.models import Project
from apps.projects.states import ProjectState
from tests.plugins.estate import Estate
from tests.processes.decisions.story import decide, offer


def test_both_overdue_approvals_are_given_on_the_case_and_the_project_goes_on(company: Estate) -> None:
    ref = company.win()
    company.hear(ref)
    company.settle()
    ProcessRun.objects.filter(step="approvals").update(overdue_at=clock.now())
    watchdog.find_overdue()
    company.settle()
    case = ExceptionCase.objects.get(kind="approval_overdue")
    wanted = {label.partition(":")[0]: pk for pk, label in offer("grant", case).inputs[0].choices}
    assert set(wanted) == {"Billing method", "Activation"}

    with pytest.raises(NotYourDecision):
        decide("grant", case, by="delivery", approval=wanted["Billing method"])
    with pytest.raises(NotAllowed):
        decide("grant", case, by="admin", approval=wanted["Activation"])
    decide("grant", case, by="finance", approval=wanted["Billing method"])
    decide("grant", case, by="delivery", approval=wanted["Activation"])
    company.settle()

    case.refresh_from_db()
    assert (case.state, Project.objects.get().state) == (CaseState.RESOLVED, ProjectState.ACTIVE)
