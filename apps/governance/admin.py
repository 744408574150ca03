"""The rule editor: a change is proposed as a new revision and moved by actions; nothing is edited in place."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.access.policy import may
from apps.core.actor import person
from apps.core.errors import TieoutError
from apps.governance import changes
from apps.governance.models import (
    Approval,
    ApprovalPolicy,
    ContractVersion,
    ExternalId,
    QualityRule,
    SystemOfRecordRule,
    ValueMap,
)
from apps.governance.rules import GovernedRule

_KEPT = ("id", "revision", "state", "proposed_by", "approved_by", "effective_from", "version", "created_at", "updated_at",
         "audit_seq", "audit_head")  # fmt: skip


def _step(name: str, label: str, change: Callable[..., Any]) -> Callable[..., None]:
    @admin.action(description=label)
    def run(modeladmin: admin.ModelAdmin, request: HttpRequest, rows: QuerySet) -> None:
        for rule in rows:
            try:
                change(type(rule), rule.pk, by=person(request.user.get_username()), why=f"{label} in the rule editor")
            except TieoutError as error:
                messages.error(request, f"{rule}: {error}")
            else:
                messages.success(request, f"{rule}: done.")

    run.__name__ = name
    return run


class RuleAdmin(admin.ModelAdmin):
    """Every revision is shown; adding a row proposes one."""

    list_filter = ["state"]
    ordering = ["id"]
    show_full_result_count = False
    actions = [
        _step("mark_tested", "Mark as tested", changes.mark_tested),
        _step("send_back", "Send back to draft", changes.send_back),
        _step("approve", "Approve", changes.approve),
        _step("go_live", "Put live", changes.go_live),
        _step("retire", "Retire", changes.retire),
        _step("roll_back", "Propose this revision again", changes.roll_back),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """A row there is cannot be changed; a new one gets its number, state and names by itself."""
        names = [field.name for field in self.model._meta.concrete_fields]
        return names if obj is not None else [name for name in names if name in _KEPT]

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> list[str] | None:
        return None if obj is not None else list(_KEPT)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return may(request.user, "rules.edit")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return may(request.user, "rules.view")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and (may(request.user, "rules.edit") or may(request.user, "rules.approve"))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return may(request.user, "rules.view")

    def save_model(self, request: HttpRequest, obj: GovernedRule, form: Any, change: bool) -> None:
        """Propose what was typed; the row shown afterwards is the draft."""
        values = {name: value for name, value in form.cleaned_data.items() if name != "reason"}
        draft = changes.propose(
            type(obj), values, by=person(request.user.get_username()), why=form.cleaned_data.get("reason", "")
        )
        obj.__dict__.update(draft.__dict__)


@admin.register(SystemOfRecordRule)
class SystemOfRecordRuleAdmin(RuleAdmin):
    list_display = ["object", "field", "owner", "conflict_policy", "others_may_fill", "steward", "revision", "state"]
    list_filter = ["state", "object", "owner"]


@admin.register(QualityRule)
class QualityRuleAdmin(RuleAdmin):
    list_display = ["code", "gate", "strictness", "is_on", "title", "revision", "state"]
    list_filter = ["state", "gate"]


@admin.register(ApprovalPolicy)
class ApprovalPolicyAdmin(RuleAdmin):
    list_display = ["kind", "entity", "currency", "threshold", "role", "revision", "state"]
    list_filter = ["state", "kind"]


@admin.register(ValueMap)
class ValueMapAdmin(RuleAdmin):
    list_display = ["system", "entity", "kind", "source", "target", "revision", "state"]
    list_filter = ["state", "system", "kind"]


@admin.register(ContractVersion)
class ContractVersionAdmin(RuleAdmin):
    list_display = ["name", "number", "is_breaking", "migrate_by", "revision", "state"]
    list_filter = ["state", "name"]


class ShownOnly(admin.ModelAdmin):
    """Rows the engine writes; looked at here, changed nowhere."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Approval)
class ApprovalAdmin(ShownOnly):
    list_display = [
        "id",
        "kind",
        "subject_id",
        "entity",
        "amount",
        "currency",
        "role",
        "state",
        "requested_by",
        "decided_by",
    ]
    list_filter = ["state", "kind", "role"]
    search_fields = ["id", "subject_id", "correlation_id"]


@admin.register(ExternalId)
class ExternalIdAdmin(ShownOnly):
    list_display = ["canonical_id", "system", "kind", "external_id", "version"]
    list_filter = ["system", "kind"]
    search_fields = ["canonical_id", "external_id"]
