"""demo: loads the demo company into a running system and plays its stories through the real walk."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from apps.core.errors import TieoutError
from apps.processes.demo import estate, play
from apps.processes.demo.outside import Outside

FILE = "sign_ins.json"


class Command(BaseCommand):
    help = "Load the demo company and play its stories; safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        """Needs everything `make run` starts. Ends with 1 and one line when a story does not end as it is meant to."""
        sandbox = f"http://127.0.0.1:{settings.SANDBOX_PORT}"
        call_command("masters", verbosity=0)
        estate.connect_systems(
            sandbox_url=sandbox,
            tryton_url=f"http://127.0.0.1:{settings.TRYTON_PORT}/erp",
            public_url=settings.PUBLIC_URL,
        )
        _write_sign_ins(settings.SECRETS_FOLDER / FILE, estate.hire_people())
        try:
            play.play(outside=Outside(sandbox), say=self.stdout.write)
        except TieoutError as error:
            raise CommandError(f"the demo is not complete: {error}") from error
        self.stdout.write("the demo company is complete")


def _write_sign_ins(file: Path, people: list[estate.SignIn]) -> None:
    """Passwords are known only when an account is made, so those of an earlier start are kept."""
    known = {row["user"]: row for row in json.loads(file.read_text())} if file.exists() else {}
    for one in people:
        if one.password:
            known[one.username] = {"user": one.username, "password": one.password, "role": one.what_for}
    file.touch(mode=0o600)
    file.chmod(0o600)
    file.write_text(json.dumps(list(known.values()), indent=1))
