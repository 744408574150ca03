"""The engine: moves runs through their saga's table. Knows no business word."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from apps.canonical.events import COMMAND_UNKNOWN
from apps.core import clock
from apps.core.actor import saga as saga_actor
from apps.core.errors import BadInput, Failure
from apps.core.ids import idempotency_key, new_id
from apps.events import outbox
from apps.events.outbox import Order
from apps.events.states import UNFINISHED, CommandState
from apps.exceptions.findings import Finding
from apps.processes import parking
from apps.processes.batch import Batch
from apps.processes.definition import Ctx, End, Outcome, Park, Saga, Sending, Step, Wait
from apps.processes.models import ProcessRun, ProcessStep
from apps.processes.parking import FAILED_RECEIPTS
from apps.processes.states import UNFINISHED_RUNS, RunState, StepState

# In a run's notes: somebody wants it undone as soon as the command on its way is answered, and why.
_UNDO_WISH = "undo_because"


class Engine:
    """Works on one batch. Give it the sagas by name, start or resume runs, then flush the batch.

    Steps of a run that need nobody follow each other at once; a run stops at a step that waits or parks.
    """

    def __init__(self, batch: Batch, *, sagas: Mapping[str, Saga]) -> None:
        self.batch = batch
        self.sagas = sagas
        self._facts: dict[str, Any] = {}
        self._steps: dict[tuple[str, str], ProcessStep] = {}
        self._ended: list[ProcessRun] = []

    # -- starting ---------------------------------------------------------------------------------

    def start(self, wishes: Iterable[ProcessRun]) -> None:
        """Begin new runs; one whose object already has a run of the saga at work is queued behind it."""
        runs = list(wishes)
        busy = _busy({run.subject_id for run in runs})
        fresh = []
        for run in runs:
            if (run.saga, run.subject_id) in busy:
                run.state = RunState.QUEUED
            else:
                busy.add((run.saga, run.subject_id))
                fresh.append(run)
            self.batch.work.create(run, by=saga_actor(run.saga))
        self._go(fresh)

    def new_run(
        self,
        saga: Saga,
        *,
        subject_id: str,
        stream_key: str,
        cause: str,
        correlation_id: str,
        trigger: Mapping[str, Any],
    ) -> ProcessRun:
        """A run that `start` will begin. Its id follows from the cause, so one event starts one run."""
        return ProcessRun(
            id=new_id("RUN", saga.name, subject_id, cause),
            saga=saga.name,
            subject_type=saga.subject_type,
            subject_id=subject_id,
            stream_key=stream_key,
            trigger=dict(trigger),
            correlation_id=correlation_id,
            started_at=clock.now(),
        )

    # -- going on ---------------------------------------------------------------------------------

    def load(self, runs: Sequence[ProcessRun], steps: Iterable[ProcessStep] = ()) -> None:
        """Make rows read and locked by the caller known, and load the facts of their sagas once for all."""
        for step in steps:
            self._steps[step.run_id, step.name] = self.batch.work.track(step)
        by_saga: dict[str, list[ProcessRun]] = {}
        for run in runs:
            by_saga.setdefault(run.saga, []).append(run)
        for name in sorted(by_saga):
            missing = [run for run in by_saga[name] if run.id not in self._facts]
            if missing:
                self._facts.update(self.sagas[name].load(self.batch, missing))

    def take(self, run: ProcessRun, step: ProcessStep, *, name: str, payload: Mapping[str, Any]) -> None:
        """An awaited event came for a step of a run. One that comes too late, or twice, changes nothing."""
        if step.state == StepState.COMPENSATING:
            return self._take_undone(run, step, name=name, payload=payload)
        if step.state not in (StepState.WAITING, StepState.PARKED) or run.step != step.name:
            return None
        if name in FAILED_RECEIPTS:
            if (why := run.notes.get(_UNDO_WISH)) and name != COMMAND_UNKNOWN:
                return self.compensate(run, self._own(run), why=why)
            return self._park(run, step, parking.of_receipt(name, payload))
        if name not in step.waits_for.split(" "):
            return None
        row = self._row(run)
        outcome = self._decide(lambda: row.then(self._ctx(run), payload) if row.then else None)
        if not isinstance(outcome, Wait):
            step.answer = dict(payload)
        return self._after(run, step, outcome)

    def replay(self, run: ProcessRun, step: ProcessStep) -> None:
        """Try a parked step again from the facts as they are now, under a new key: the old call is known not to have happened."""
        if step.state == StepState.PARKED:
            step.attempt += 1
            step.error_code = step.error = ""
            step.state = StepState.RUNNING
            run.state = RunState.RUNNING
            self._perform(run, step)

    def override(self, run: ProcessRun, step: ProcessStep, *, answer: Mapping[str, Any]) -> None:
        """Go on without the vendor: `answer` stands for the receipt that did not come."""
        if step.state in (StepState.PARKED, StepState.WAITING) and run.step == step.name:
            row = self._row(run)
            outcome = self._decide(lambda: row.then(self._ctx(run), answer) if row.then else None)
            step.answer = dict(answer)
            self._after(run, step, outcome, done=StepState.OVERRIDDEN)

    def skip(self, run: ProcessRun, step: ProcessStep, *, why: str) -> None:
        """Drop the demand this step makes and go on with the next."""
        if step.state in (StepState.PARKED, StepState.WAITING) and run.step == step.name:
            step.answer = {"waived": why}
            self._after(run, step, None, done=StepState.SKIPPED)

    def overdue(self, run: ProcessRun, step: ProcessStep) -> None:
        """Say that a step waits longer than it should; the run goes on waiting."""
        if step.state == StepState.WAITING and run.step == step.name:
            waited_h = (clock.now() - step.started_at).total_seconds() / 3600
            message = f"Step {step.name} of {run.saga} has waited {waited_h:.1f} h for {step.waits_for or 'its turn'}."
            self._report(run, step, Park(self._row(run).overdue, message, code=step.name))

    # -- undoing ----------------------------------------------------------------------------------

    def compensate(self, run: ProcessRun, steps: Sequence[ProcessStep], *, why: str) -> None:
        """Undo what was done, last step first. Each undo is a command that must be confirmed before the next is sent.

        While a command is on its way nobody knows what there is to undo: its answer is awaited first.
        """
        if run.state not in (RunState.RUNNING, RunState.PARKED):
            return
        outbox.cancel([run.stream_key])
        for step in steps:
            self._steps[step.run_id, step.name] = step
            if step.state in (StepState.WAITING, StepState.PARKED, StepState.RUNNING):
                fate = outbox.fate_of(step.id)
                if fate in UNFINISHED:
                    run.notes = {**run.notes, _UNDO_WISH: why}
                    return
                # A step that parked over an answer has had its effect out there.
                step.state = StepState.DONE if fate == CommandState.ACKNOWLEDGED else StepState.ENDED
                step.ended_at = clock.now()
                self.batch.settled(step.id, why=why)
        run.state, run.overdue_at = RunState.COMPENSATING, None
        run.notes = {**run.notes, "compensating_because": why}
        self._undo_next(run, steps)

    def _undo_next(self, run: ProcessRun, steps: Sequence[ProcessStep]) -> None:
        saga = self.sagas[run.saga]
        done = [step for step in steps if step.state in (StepState.DONE, StepState.OVERRIDDEN)]
        for step in sorted(done, key=lambda each: -each.position):
            row = saga.steps[saga.position(step.name)]
            ctx = self._ctx(run)
            sending = row.undo(ctx) if row.undo else None
            if sending is not None:
                step.state, step.waits_for = StepState.COMPENSATING, type(sending.command).receipt
                step.command_key = idempotency_key(step.id, "undo", step.attempt)
                run.step = step.name
                self._order(run, step, sending)
                return
            if row.undone:
                row.undone(ctx, {})
            if row.undo or row.undone:
                step.state = StepState.COMPENSATED
        if saga.compensated:
            saga.compensated(self._ctx(run))
        self._finish(run, RunState.COMPENSATED)

    def _take_undone(self, run: ProcessRun, step: ProcessStep, *, name: str, payload: Mapping[str, Any]) -> None:
        if name in FAILED_RECEIPTS:
            park = parking.of_receipt(name, payload)
            words = f"Could not undo {step.name}: {park.message}"
            self._report(run, step, Park("compensation_failed", words, code=park.code, evidence=park.evidence))
            step.error_code, step.error = park.code, park.message
            return
        if name != step.waits_for:
            return
        row = self.sagas[run.saga].steps[step.position]
        if row.undone:
            row.undone(self._ctx(run), payload)
        step.state, step.ended_at = StepState.COMPENSATED, clock.now()
        self.batch.settled(step.id, why="undone")
        self._undo_next(run, self._own(run))

    def undo_again(self, run: ProcessRun, step: ProcessStep) -> None:
        """Send the undo of a step again after it failed."""
        row = self.sagas[run.saga].steps[step.position]
        if step.state == StepState.COMPENSATING and row.undo and (sending := row.undo(self._ctx(run))):
            step.attempt += 1
            step.command_key = idempotency_key(step.id, "undo", step.attempt)
            self._order(run, step, sending)

    # -- ending -----------------------------------------------------------------------------------

    def end(self, run: ProcessRun, steps: Sequence[ProcessStep], *, why: str) -> None:
        """Stop a run where it stands: its story goes on in another, or not at all."""
        for step in steps:
            if step.state in (StepState.WAITING, StepState.PARKED):
                step.state, step.ended_at = StepState.ENDED, clock.now()
                self.batch.settled(step.id, why=why)
        self.batch.withdraw(run.stream_key)
        run.notes = {**run.notes, "ended_because": why}
        self._finish(run, RunState.ENDED)

    def start_queued(self) -> None:
        """Begin the oldest queued run of every object whose run has ended in this batch. One query."""
        ended, self._ended = self._ended, []
        if not ended:
            return
        pairs = {(run.saga, run.subject_id) for run in ended}
        queued = ProcessRun.objects.select_for_update().filter(
            subject_id__in={subject for _, subject in pairs}, state=RunState.QUEUED
        )
        first: dict[tuple[str, str], ProcessRun] = {}
        for run in queued.order_by("started_at", "id"):
            if (run.saga, run.subject_id) in pairs:
                first.setdefault((run.saga, run.subject_id), run)
        if not first:
            return
        # What has ended must be written first: the database allows one run at work per object, row by row.
        self.batch.work.flush()
        for run in first.values():
            self.batch.work.track(run)
            run.state = RunState.RUNNING
        self._go(list(first.values()))
        self.start_queued()

    def _finish(self, run: ProcessRun, state: RunState) -> None:
        run.state, run.ended_at, run.overdue_at = state, clock.now(), None
        self._ended.append(run)

    # -- one run ----------------------------------------------------------------------------------

    def _go(self, runs: Sequence[ProcessRun]) -> None:
        self.load(runs)
        for run in runs:
            self._reach(run, 0)

    def _reach(self, run: ProcessRun, position: int) -> None:
        saga = self.sagas[run.saga]
        if position == len(saga.steps):
            run.step = ""
            return self._finish(run, RunState.DONE)
        row = saga.steps[position]
        run.step = row.name
        step = ProcessStep(
            id=new_id("STP", run.id, row.name), run_id=run.id, name=row.name, position=position, started_at=clock.now()
        )
        self._steps[run.id, row.name] = step
        self.batch.work.create(step, by=saga_actor(run.saga))
        return self._perform(run, step)

    def _perform(self, run: ProcessRun, step: ProcessStep) -> None:
        row, ctx = self._row(run), self._ctx(run)
        outcome = self._decide(lambda: row.run(ctx) if row.run else None)
        if outcome is None and (send := row.send):
            sending: Sending | None = None

            def build() -> Outcome:
                nonlocal sending
                sending = send(ctx)
                return None

            outcome = self._decide(build)
            if outcome is None and sending is None:
                return self._after(run, step, None, done=StepState.SKIPPED)
            if sending is not None:
                step.waits_for = " ".join(row.until or (type(sending.command).receipt,))
                step.command_key = idempotency_key(step.id, step.attempt)
                self._order(run, step, sending)
                outcome = Wait()
        elif outcome is None and row.run is None and row.until:
            outcome = Wait()
        return self._after(run, step, outcome)

    def _after(self, run: ProcessRun, step: ProcessStep, outcome: Outcome, *, done: StepState = StepState.DONE) -> None:
        if isinstance(outcome, Park):
            return self._park(run, step, outcome)
        if isinstance(outcome, Wait):
            step.state = StepState.WAITING
            step.waits_for = step.waits_for or " ".join(self._row(run).until)
            run.state = RunState.RUNNING
            return self._expect(run, self._row(run))
        if step.state == StepState.PARKED or step.attempt > 1 or step.error_code:
            self.batch.settled(step.id, why=f"{step.name} is done")
        elif step.waits_for:
            # A waiting step may have an overdue case by now.
            self.batch.settled(step.id, why=f"{step.name} is done")
        step.state, step.ended_at = done, clock.now()
        step.error_code = step.error = ""
        run.overdue_at = None
        run.state = RunState.RUNNING
        if isinstance(outcome, End):
            run.notes = {**run.notes, "ended_because": outcome.why}
            return self._finish(run, RunState.ENDED)
        if why := run.notes.get(_UNDO_WISH):
            return self.compensate(run, self._own(run), why=why)
        return self._reach(run, step.position + 1)

    def _decide(self, decision: Any) -> Outcome:
        try:
            outcome: Outcome = decision()
        except Failure as failure:
            return parking.of_failure(failure)
        except BadInput as error:
            return parking.of_bad_input(error)
        return outcome

    def _park(self, run: ProcessRun, step: ProcessStep, park: Park) -> None:
        """Stop here and open a case, in the same transaction."""
        step.state, step.error_code, step.error = StepState.PARKED, (park.code or park.kind)[:60], park.message
        run.state, run.overdue_at = RunState.PARKED, None
        self._report(run, step, park)

    def _report(self, run: ProcessRun, step: ProcessStep, park: Park) -> None:
        saga, facts = self.sagas[run.saga], self._facts[run.id]
        entity = saga.entity_of(facts)
        self.batch.report(
            Finding(
                kind=park.kind,
                subject_type=run.subject_type,
                subject_id=run.subject_id,
                stream_key=run.stream_key,
                reference=step.id,
                message=park.message,
                system=str(park.evidence.get("system", "")),
                entity=entity.code,
                code=park.code,
                field=park.field,
                step=step.name,
                saga=run.saga,
                run_id=run.id,
                awaiting=step.waits_for or step.name,
                amount=park.amount or saga.at_risk(facts),
                blocked=saga.blocked(facts),
                evidence={
                    "canonical": saga.shown(facts),
                    **{key: value for key, value in park.evidence.items() if key != "system"},
                },
                attempts=park.attempts or step.attempt,
                correlation_id=run.correlation_id,
                country=entity.country,
                zone=entity.zone,
            )
        )

    def _order(self, run: ProcessRun, step: ProcessStep, sending: Sending) -> None:
        self.batch.send(
            Order(
                system=sending.system,
                command=sending.command,
                stream_key=run.stream_key,
                idempotency_key=step.command_key,
                correlation_id=run.correlation_id,
                legal_entity=sending.legal_entity,
                reference=step.id,
            )
        )

    def _expect(self, run: ProcessRun, row: Step) -> None:
        run.overdue_at = clock.now() + timedelta(hours=row.due_within_h)

    def _own(self, run: ProcessRun) -> list[ProcessStep]:
        """All steps the run has reached. Mostly just the awaited one was loaded, so the others are read now."""
        for step in ProcessStep.objects.filter(run_id=run.id):
            if (run.id, step.name) not in self._steps:
                self._steps[run.id, step.name] = self.batch.work.track(step)
        return [step for (run_id, _), step in self._steps.items() if run_id == run.id]

    def _row(self, run: ProcessRun) -> Step:
        saga = self.sagas[run.saga]
        return saga.steps[saga.position(run.step)]

    def _ctx(self, run: ProcessRun) -> Ctx:
        return Ctx(run=run, facts=self._facts[run.id], batch=self.batch, by=saga_actor(run.saga))


def _busy(subject_ids: set[str]) -> set[tuple[str, str]]:
    rows = ProcessRun.objects.filter(subject_id__in=subject_ids, state__in=UNFINISHED_RUNS)
    return set(rows.values_list("saga", "subject_id"))
