"""People in the admin: who may do what, and for which legal entities."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from apps.access.models import User


@admin.register(User)
class PersonAdmin(UserAdmin):
    list_display = ["username", "display_name", "roles", "entities", "is_active", "is_staff"]
    search_fields = ["username", "display_name", "email"]
    fieldsets = (
        (None, {"fields": ("username", "password", "display_name", "email")}),
        ("What they may do", {"fields": ("roles", "entities", "is_active", "is_staff", "is_superuser")}),
        ("How they like it", {"fields": ("time_zone", "theme", "density", "single_keys")}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "fields": (
                    "username",
                    "display_name",
                    "email",
                    "usable_password",
                    "password1",
                    "password2",
                    "roles",
                    "entities",
                )
            },
        ),
    )
