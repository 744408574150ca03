"""Billing in the admin: looked at, never moved; only fiscal periods may be edited."""

from django.contrib import admin

from apps.billing.models import (
    BillingMilestone,
    CreditMemo,
    FiscalPeriod,
    Invoice,
    InvoiceLine,
    RevenueLine,
    RevenueSchedule,
)
from apps.contracts.admin import ReadOnlyAdmin, ReadOnlyInline


class InvoiceLineInline(ReadOnlyInline):
    model = InvoiceLine


class RevenueLineInline(ReadOnlyInline):
    model = RevenueLine


@admin.register(FiscalPeriod)
class FiscalPeriodAdmin(admin.ModelAdmin):
    list_display = ["legal_entity", "subledger", "starts_on", "ends_on", "state"]
    list_filter = ["legal_entity", "subledger", "state"]
    date_hierarchy = "starts_on"


@admin.register(BillingMilestone)
class BillingMilestoneAdmin(ReadOnlyAdmin):
    list_display = ["id", "code", "name", "state", "legal_entity", "currency", "amount", "invoiced_amount", "due_on"]
    list_filter = ["state", "legal_entity"]
    search_fields = ["id", "code", "name", "contract__id", "project__id"]


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin):
    list_display = ["id", "number", "state", "legal_entity", "currency", "total", "open_balance", "posted_on"]
    list_filter = ["state", "legal_entity"]
    search_fields = ["id", "number", "contract__id", "correlation_id"]
    inlines = [InvoiceLineInline]


@admin.register(CreditMemo)
class CreditMemoAdmin(ReadOnlyAdmin):
    list_display = ["id", "number", "state", "invoice", "currency", "total", "credit_date"]
    list_filter = ["state", "legal_entity"]
    search_fields = ["id", "number", "invoice__id"]


@admin.register(RevenueSchedule)
class RevenueScheduleAdmin(ReadOnlyAdmin):
    list_display = ["id", "project", "number", "state", "method", "currency", "total"]
    list_filter = ["state", "method"]
    list_select_related = ["project"]
    search_fields = ["id", "project__id"]
    inlines = [RevenueLineInline]
