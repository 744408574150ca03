"""`manage.py up`: start everything and keep it running until somebody stops it."""

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from config.embedded.errors import EmbeddedServiceError
from config.embedded.session import users_of
from config.launcher import preflight
from config.launcher.errors import CannotStartError
from config.launcher.only import only_launcher
from config.launcher.progress import say
from config.launcher.supervisor import StopAsked, Supervisor
from config.launcher.up import Launch, check_machine
from config.launcher.welcome import welcome


class Command(BaseCommand):
    """Exit code 0 after a wish to stop, 1 when something could not start."""

    help = "Start database, bell, sandbox vendors, Tryton, web and workers; Ctrl-C stops them all."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until stopped."""
        home = settings.TIEOUT_HOME
        try:
            preflight.check_folder(home)
            with only_launcher(home), users_of(home):
                check_machine()
                self._run()
        except (CannotStartError, EmbeddedServiceError) as error:
            sys.exit(f"tieout: {error}")

    def _run(self) -> None:
        supervisor = Supervisor()
        launch = Launch(supervisor)
        try:
            launch.run()
            print(welcome(address=settings.PUBLIC_URL, secrets=settings.SECRETS_FOLDER), flush=True)
            while True:
                supervisor.tend()
        except StopAsked as wish:
            say(f"stopping: {wish}")
        except (CannotStartError, EmbeddedServiceError) as error:
            say(f"stopping: {error}")
            sys.exit(1)
        finally:
            supervisor.stop()
            say("everything has stopped")
