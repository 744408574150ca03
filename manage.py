"""The one command door: every duty of the running system starts here."""

import os
import sys


def main() -> None:
    """Run one management command; the embedded database is started first where it is needed."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
    from django.core.management import execute_from_command_line

    from config.embedded.session import needs_database, use_database

    if needs_database(sys.argv):
        with use_database():
            execute_from_command_line(sys.argv)
    else:
        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
