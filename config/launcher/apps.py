"""Registration with Django: the commands `up` and `reset`, and the bell every process rings."""

from django.apps import AppConfig


class LauncherConfig(AppConfig):
    name = "config.launcher"
    label = "launcher"

    def ready(self) -> None:
        """Load our Celery app, so that `current_app` is ours in the web server and in commands too."""
        from config import celery  # noqa: F401
