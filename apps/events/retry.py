"""When to try again: full jitter between a first delay and a cap, up to a number of attempts. Pure."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """attempts: after which a command is a dead letter. first_s and cap_s: seconds; factor: growth per attempt."""

    attempts: int = 12
    first_s: float = 1.0
    factor: float = 2.0
    cap_s: float = 3600.0

    def delay_s(self, attempt: int, *, wish_s: float | None = None) -> float:
        """Seconds until the next try after `attempt` tries; never sooner than the vendor's own wish."""
        ceiling = min(self.cap_s, self.first_s * self.factor ** max(0, attempt - 1))
        return max(random.uniform(ceiling / 2, ceiling), wish_s or 0.0)  # noqa: S311  jitter, not a secret

    def is_spent(self, attempt: int) -> bool:
        """No further try after this many."""
        return attempt >= self.attempts


SEND = RetryPolicy()
# A look-up has no effect, but while it goes unanswered nobody knows whether money moved: a person hears sooner.
LOOKUP = RetryPolicy(attempts=6, cap_s=120.0)
EVENT = RetryPolicy(attempts=5, cap_s=300.0)
