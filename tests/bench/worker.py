"""One worker process: applies events (`consume`) or sends commands (`send`), as Celery's do when the bell rings."""

import os
import sys
import time

import django

IDLE_S = 0.005


def main(kind: str) -> None:
    """Work until the process is told to end."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.dev")
    django.setup()
    from apps.events import bell, delivery
    from apps.processes.work_off import consume_all

    bell._silent_until = float("inf")  # these processes look for themselves, nobody has to ring for them
    consume_all(budget_s=0.1)
    print("ready", flush=True)
    while True:
        if kind == "consume":
            consume_all()
        elif not delivery.deliver_due():
            time.sleep(IDLE_S)


if __name__ == "__main__":
    main(sys.argv[1])
