"""The sagas there are, by name."""

from apps.processes.definition import Saga
from apps.processes.sagas.invoice_feedback import INVOICE_FEEDBACK
from apps.processes.sagas.milestone_billing import MILESTONE_BILLING
from apps.processes.sagas.project_activation import PROJECT_ACTIVATION

SAGAS: dict[str, Saga] = {saga.name: saga for saga in (PROJECT_ACTIVATION, MILESTONE_BILLING, INVOICE_FEEDBACK)}
