"""Registration with Django, for the commands `up` and `reset`."""

from django.apps import AppConfig


class LauncherConfig(AppConfig):
    name = "config.launcher"
    label = "launcher"
