"""Wake-ups of the events room: doors, not rooms."""

from celery import shared_task

from apps.events import bell, delivery, outbox, polling, watch


@shared_task
def send_commands(system: str = "") -> int:
    """Send due commands of one system; without one, wake the senders of all that have some. Safe to run in parallel."""
    if system:
        return delivery.deliver(system)
    due = outbox.due_systems()
    bell.ring_outbox(due)
    return len(due)


@shared_task
def poll_systems() -> int:
    """Ask the systems whose time has come what changed."""
    return polling.poll_due()


@shared_task
def watch_in_flight() -> int:
    """Find what nobody answered: streams and commands left behind are made due again."""
    return watch.wake_forgotten()
