"""What starts a saga: an inner event on the stream of the object the saga works on."""

from collections.abc import Sequence

from apps.core.actor import saga as saga_actor
from apps.core.context import correlated
from apps.governance import approvals
from apps.processes.batch import Batch
from apps.processes.definition import Park, Saga
from apps.processes.engine import Engine
from apps.processes.models import ProcessRun, ProcessStep
from apps.processes.registry import SAGAS
from apps.processes.sagas.project_activation import BEFORE_PROVISIONING
from apps.processes.states import UNFINISHED_RUNS, RunState
from apps.processes.told import Told


def activate_project(batch: Batch, told: Sequence[Told]) -> None:
    """contract.approved on a project's stream."""
    _start(batch, told, SAGAS["project_activation"])


def bill_milestone(batch: Batch, told: Sequence[Told]) -> None:
    """milestone.billable on a milestone's stream."""
    _start(batch, told, SAGAS["milestone_billing"])


def feed_back(batch: Batch, told: Sequence[Told]) -> None:
    """Something became of an invoice; the CRM is to hear of it."""
    _start(batch, told, SAGAS["invoice_feedback"])


def reconsider_project(batch: Batch, told: Sequence[Told]) -> None:
    """contract.changed on a project's stream: approvals given for the old terms count no more.

    Before anything was sent, activation begins anew under the new terms. Later the change waits for a person.
    """
    saga = SAGAS["project_activation"]
    engine = Engine(batch, sagas=SAGAS)
    subjects = [str(each.payload["subject"]) for each in told]
    approvals.void_subject(batch.work, subjects, by=saga_actor("contract_amendment"), why="the contract changed")
    pks = ProcessRun.objects.filter(saga=saga.name, subject_id__in=subjects, state__in=UNFINISHED_RUNS).values_list(
        "pk", flat=True
    )
    runs = {run.subject_id: run for run in batch.work.lock(ProcessRun, pks).values() if run.state != RunState.QUEUED}
    steps = list(ProcessStep.objects.filter(run_id__in=[run.pk for run in runs.values()]).order_by("position"))
    engine.load(list(runs.values()), steps)
    again = []
    for each in told:
        run = runs.get(str(each.payload["subject"]))
        own = [step for step in steps if run is not None and step.run_id == run.pk]
        if run is not None and run.step in BEFORE_PROVISIONING:
            with correlated(run.correlation_id):
                engine.end(run, own, why="the contract changed")
            batch.work.flush()
            again.append(each)
        elif run is None and each.payload.get("may_restart"):
            again.append(each)
        else:
            _report_late_change(engine, run, own, each, batch)
    _start(batch, again, saga)


def _report_late_change(
    engine: Engine, run: ProcessRun | None, steps: list[ProcessStep], told: Told, batch: Batch
) -> None:
    from apps.exceptions.findings import Finding

    park = Park(
        "amendment_after_invoice" if told.payload.get("is_invoiced") else "concurrent_change",
        f"The contract changed in the CRM after {told.payload['subject']} was handed to the ERP: {told.payload.get('summary', '')}",
    )
    batch.report(
        Finding(
            kind=park.kind,
            subject_type="project",
            subject_id=str(told.payload["subject"]),
            stream_key=told.event.stream_key,
            reference=f"EVT-{told.event.pk}",
            message=park.message,
            entity=str(told.payload.get("legal_entity", "")),
            code="contract_changed",
            saga="project_activation",
            run_id=run.pk if run else "",
            awaiting="contract amended",
            evidence={"source": {"changes": told.payload.get("changes", [])}},
            correlation_id=told.story,
        )
    )


def _start(batch: Batch, told: Sequence[Told], saga: Saga) -> None:
    engine = Engine(batch, sagas=SAGAS)
    engine.start(
        engine.new_run(
            saga,
            subject_id=str(each.payload["subject"]),
            stream_key=each.event.stream_key,
            cause=str(each.event.pk),
            correlation_id=each.story,
            trigger=each.payload,
        )
        for each in told
    )
    engine.start_queued()
