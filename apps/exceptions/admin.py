"""Cases in the admin, to look at: what is done with a case is done in the workbench, where it is audited."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from apps.exceptions.models import CaseNote, ExceptionCase


class ReadOnly(admin.ModelAdmin):
    """Shows rows and changes none."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ExceptionCase)
class ExceptionCaseAdmin(ReadOnly):
    list_display = [
        "number",
        "title",
        "state",
        "severity",
        "entity",
        "amount",
        "currency",
        "owner_role",
        "assigned_to",
        "due_at",
    ]
    list_filter = ["state", "family", "severity", "entity", "owner_role"]
    search_fields = ["subject_id", "reference", "correlation_id", "fingerprint"]
    show_full_result_count = False


@admin.register(CaseNote)
class CaseNoteAdmin(ReadOnly):
    list_display = ["case", "by", "at"]
    show_full_result_count = False
