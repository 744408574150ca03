"""Connected systems in the admin: what is set, what was learnt, and no secret."""

from django.contrib import admin

from apps.connectors.models import ConnectedSystem


@admin.register(ConnectedSystem)
class ConnectedSystemAdmin(admin.ModelAdmin):
    """Limits and settings may be edited; breaker and leases are the machine's and are shown only."""

    list_display = ["code", "name", "vendor", "base_url", "enabled", "paused_until", "breaker_state"]
    list_filter = ["vendor", "enabled", "breaker_state"]
    search_fields = ["code", "name"]
    readonly_fields = [
        "version",
        "breaker_state",
        "breaker_failures",
        "breaker_opened_at",
        "poll_cursor",
        "poll_lease_until",
    ]
    fieldsets = [
        (None, {"fields": ["code", "name", "vendor", "base_url", "secret_ref", "settings", "enabled", "version"]}),
        ("Limits", {"fields": ["rate_per_s", "burst", "max_concurrency", "timeout_s", "max_in_flight_s"]}),
        (
            "Pause and breaker",
            {"fields": ["paused_until", "paused_reason", "breaker_state", "breaker_failures", "breaker_opened_at"]},
        ),
        ("Polling", {"fields": ["poll_every_s", "next_poll_at", "poll_cursor", "poll_lease_until"]}),
    ]
