"""Projects in the admin: looked at, never moved; only masters may be edited."""

from django.contrib import admin

from apps.contracts.admin import ReadOnlyAdmin, ReadOnlyInline
from apps.projects.models import CostCentre, Project, ProjectTask, ProjectTemplate, ServiceLine


class TaskInline(ReadOnlyInline):
    model = ProjectTask
    fields = ("code", "name", "state", "budget_hours", "budget")


@admin.register(Project)
class ProjectAdmin(ReadOnlyAdmin):
    list_display = ["id", "name", "state", "legal_entity", "currency", "budget", "activated_at"]
    list_filter = ["state", "legal_entity"]
    search_fields = ["id", "name", "contract__id", "correlation_id"]
    inlines = [TaskInline]


@admin.register(ServiceLine)
class ServiceLineAdmin(admin.ModelAdmin):
    list_display = ["code", "name"]


@admin.register(ProjectTemplate)
class ProjectTemplateAdmin(admin.ModelAdmin):
    list_display = ["code", "service_line", "delivery_model", "blended_rate", "is_active"]
    list_filter = ["service_line", "is_active"]


@admin.register(CostCentre)
class CostCentreAdmin(admin.ModelAdmin):
    list_display = ["code", "legal_entity", "service_line"]
    list_filter = ["legal_entity"]
