"""Contracts and customers in the admin: looked at, never moved; only masters may be edited."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from apps.contracts.models import Account, Contract, ContractLine, ContractRevision, LegalEntity, TaxProfile


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that only actions write: a form would go round ownership, lifecycle and audit trail."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class ReadOnlyInline(admin.TabularInline):
    """The same, inside the page of another row."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class LineInline(ReadOnlyInline):
    model = ContractLine


class RevisionInline(ReadOnlyInline):
    model = ContractRevision


@admin.register(LegalEntity)
class LegalEntityAdmin(admin.ModelAdmin):
    """A closed entity stays: its books refer to it."""

    list_display = ["code", "name", "country", "currency", "zone", "erp", "is_active"]
    list_filter = ["is_active", "erp"]

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    list_display = ["id", "name", "state", "country", "source_system", "ref", "credit_hold"]
    list_filter = ["state", "country", "credit_hold"]
    search_fields = ["id", "name", "ref", "tax_id"]


@admin.register(Contract)
class ContractAdmin(ReadOnlyAdmin):
    list_display = ["id", "name", "state", "currency", "value", "revision", "approved_at"]
    list_filter = ["state", "currency"]
    list_select_related = ["account"]
    search_fields = ["id", "name", "ref", "correlation_id"]
    inlines = [LineInline, RevisionInline]


@admin.register(TaxProfile)
class TaxProfileAdmin(ReadOnlyAdmin):
    list_display = [
        "account",
        "legal_entity",
        "service_line",
        "treatment",
        "code",
        "rate_percent",
        "valid_from",
        "valid_to",
    ]
    list_filter = ["legal_entity", "treatment"]
    list_select_related = ["account", "legal_entity"]
    search_fields = ["account__id", "account__name"]
