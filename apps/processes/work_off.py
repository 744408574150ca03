"""Working off the tables: the loop a worker runs when the bell rings, and the sweeper runs when it cannot."""

import time

from apps.events import bell, delivery, outbox
from apps.processes.consumer import consume
from apps.processes.router import route

BUDGET_S = 20.0


def consume_all(*, budget_s: float = BUDGET_S) -> int:
    """Apply inbox events set by set until none is due or `budget_s` is over; returns how many.

    Looks once more after a moment: rings that came while this was working were not rung twice (see bell).
    """
    ends_at, done, lingered = time.monotonic() + budget_s, 0, False
    while time.monotonic() < ends_at:
        drained = consume(route=route)
        done += drained.events
        if drained.streams:
            lingered = False
        elif lingered:
            break
        else:
            lingered = True
            time.sleep(bell.LINGER_S)
    return done


def drain(*, budget_s: float = BUDGET_S) -> int:
    """Apply and send by this process alone, without any bell, until nothing is due. What the sweeper does without Redis."""
    ends_at, done = time.monotonic() + budget_s, 0
    while time.monotonic() < ends_at:
        step = consume(route=route).events
        if due := outbox.due_systems():
            step += delivery.deliver_all(due, budget_s=max(0.1, ends_at - time.monotonic()))
        done += step
        if step == 0:
            break
    return done
