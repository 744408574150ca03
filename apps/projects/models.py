"""Projects, their tasks, and the masters they are made from."""

from datetime import datetime

from django.db import models
from django_fsm import FSMField, transition

from apps.audit.lifecycle import known_state, listed_moves
from apps.contracts.models import Contract, LegalEntity
from apps.core.actor import Actor
from apps.core.states import StatefulModel
from apps.projects.states import BEFORE_ACTIVE, PROJECT_MOVES, TASK_MOVES, ProjectState, TaskState


class ServiceLine(models.Model):
    """What we sell, by the code the CRM uses."""

    code = models.CharField(primary_key=True, max_length=40)
    name = models.CharField(max_length=120)

    def __str__(self) -> str:
        return self.code


class ProjectTemplate(models.Model):
    """The shape of a new project of one service line.

    tasks: [{"code", "name", "budget_share", "hours_share"}]; the shares of the project's budget add up to 1.
    """

    code = models.CharField(primary_key=True, max_length=40)
    service_line = models.ForeignKey(ServiceLine, on_delete=models.PROTECT)
    delivery_model = models.CharField(max_length=40, blank=True, help_text="Empty fits every delivery model")
    tasks = models.JSONField(default=list)
    blended_rate = models.DecimalField(max_digits=12, decimal_places=4, help_text="Turns budget into planned hours")
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.code


class CostCentre(models.Model):
    """Where the cost of an entity's service line is kept."""

    code = models.CharField(max_length=40)
    legal_entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT)
    service_line = models.ForeignKey(ServiceLine, on_delete=models.PROTECT)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["legal_entity", "service_line"], name="cost_centre_once_per_line")
        ]

    def __str__(self) -> str:
        return self.code


class Project(StatefulModel):
    """A delivery project of one legal entity under one contract. Owned by the ERP once active; see governance."""

    id = models.CharField(primary_key=True, max_length=24)
    state = FSMField(choices=ProjectState.choices, default=ProjectState.REQUESTED, protected=True)
    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="projects")
    legal_entity = models.CharField(max_length=64, help_text="As the contract says; checked before anything is sent")
    name = models.CharField(max_length=255)
    currency = models.CharField(max_length=3)
    service_line = models.CharField(max_length=64, blank=True)
    template = models.ForeignKey(ProjectTemplate, null=True, blank=True, on_delete=models.PROTECT)
    cost_centre = models.CharField(max_length=40, blank=True)
    tax_code = models.CharField(max_length=20, blank=True)
    budget = models.DecimalField(max_digits=20, decimal_places=6)
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    terms_hash = models.CharField(max_length=64, help_text="The terms that were approved, or wait to be")
    correlation_id = models.CharField(max_length=64, db_index=True)
    activated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["contract", "legal_entity"], name="project_once_per_entity"),
            known_state(ProjectState, name="project_state_known"),
        ]
        indexes = [models.Index(fields=["state", "legal_entity"], name="project_by_state")]
        triggers = [listed_moves(PROJECT_MOVES)]

    def __str__(self) -> str:
        return f"{self.name} ({self.id})"

    @transition(field=state, source=ProjectState.REQUESTED, target=ProjectState.VALIDATED)
    def validate(self, *, by: Actor) -> None:
        """Customer, entity, tax and template are settled."""

    @transition(field=state, source=ProjectState.VALIDATED, target=ProjectState.AWAITING_APPROVAL)
    def request_approval(self, *, by: Actor) -> None:
        """Finance and delivery are asked."""

    @transition(field=state, source=ProjectState.AWAITING_APPROVAL, target=ProjectState.PROVISIONING)
    def approve(self, *, by: Actor) -> None:
        """Both agree to start; the ERP may be told."""

    @transition(field=state, source=ProjectState.AWAITING_APPROVAL, target=ProjectState.RETURNED)
    def send_back(self, *, by: Actor) -> None:
        """An approver refused; sales must change the contract."""

    @transition(
        field=state,
        source=[ProjectState.RETURNED, ProjectState.VALIDATED, ProjectState.AWAITING_APPROVAL],
        target=ProjectState.REQUESTED,
    )
    def request_again(self, *, by: Actor) -> None:
        """The contract changed; everything is checked and approved anew."""

    @transition(field=state, source=ProjectState.PROVISIONING, target=ProjectState.ACTIVE)
    def activate(self, *, by: Actor, at: datetime) -> None:
        """The ERP holds the project, its tasks, budget and schedule."""
        self.activated_at = at

    @transition(field=state, source=ProjectState.ACTIVE, target=ProjectState.ON_HOLD)
    def hold(self, *, by: Actor) -> None:
        """Nothing is billed until released."""

    @transition(field=state, source=ProjectState.ON_HOLD, target=ProjectState.ACTIVE)
    def release(self, *, by: Actor) -> None:
        """The hold is lifted."""

    @transition(field=state, source=ProjectState.ACTIVE, target=ProjectState.CLOSING)
    def start_closing(self, *, by: Actor) -> None:
        """Closure was asked for; open ends are being tied."""

    @transition(field=state, source=ProjectState.CLOSING, target=ProjectState.CLOSED)
    def close(self, *, by: Actor) -> None:
        """Closed in PSA and ERP."""

    @transition(field=state, source=list(BEFORE_ACTIVE), target=ProjectState.CANCELLED)
    def cancel(self, *, by: Actor) -> None:
        """Given up before it became active; what the ERP held was undone."""


class ProjectTask(StatefulModel):
    """A task of a project, made from the template. Owned by the PSA."""

    id = models.CharField(primary_key=True, max_length=24)
    state = FSMField(choices=TaskState.choices, default=TaskState.PLANNED, protected=True)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="tasks")
    code = models.CharField(max_length=40)
    name = models.CharField(max_length=255)
    budget_hours = models.DecimalField(max_digits=12, decimal_places=2)
    budget = models.DecimalField(max_digits=20, decimal_places=6)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "code"], name="task_once_per_project"),
            known_state(TaskState, name="task_state_known"),
        ]
        triggers = [listed_moves(TASK_MOVES)]

    def __str__(self) -> str:
        return f"{self.project_id} {self.code}"

    @transition(field=state, source=TaskState.PLANNED, target=TaskState.OPEN)
    def open(self, *, by: Actor) -> None:
        """Time may be booked."""

    @transition(field=state, source=TaskState.OPEN, target=TaskState.COMPLETED)
    def complete(self, *, by: Actor) -> None:
        """Done."""

    @transition(field=state, source=[TaskState.PLANNED, TaskState.OPEN], target=TaskState.CANCELLED)
    def cancel(self, *, by: Actor) -> None:
        """Will not be done."""
