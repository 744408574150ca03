"""Failed sign-ins: counted per account and address, so that guessing a password takes too long to pay."""

from datetime import timedelta

from django.db.models import QuerySet

from apps.access.models import SignInFailure
from apps.core import clock

WINDOW = timedelta(minutes=15)
# Of one account from one address, and of any account from one address. An account as a whole is never
# locked: that would let a stranger keep a colleague out.
MOST_PER_ACCOUNT = 5
MOST_PER_ADDRESS = 50


def wait_s(account: str, *, address: str) -> int:
    """Seconds until this account may be tried again from this address; 0 means now."""
    recent = SignInFailure.objects.filter(address=address, at__gt=clock.now() - WINDOW).order_by("-at")
    of_account = recent.filter(account=_folded(account))
    waits = [_until_free(of_account, MOST_PER_ACCOUNT), _until_free(recent, MOST_PER_ADDRESS)]
    return max(waits)


def record_failure(account: str, *, address: str) -> None:
    """Count one failure; failures that no longer count are removed on the way."""
    SignInFailure.objects.filter(at__lte=clock.now() - WINDOW).delete()
    SignInFailure.objects.create(account=_folded(account), address=address, at=clock.now())


def forget_failures(account: str, *, address: str) -> None:
    """The right password was given: what this account failed before from here is forgotten."""
    SignInFailure.objects.filter(account=_folded(account), address=address).delete()


def _until_free(failures: QuerySet[SignInFailure], most: int) -> int:
    counted = list(failures.values_list("at", flat=True)[:most])
    if len(counted) < most:
        return 0
    return max(1, round((counted[-1] + WINDOW - clock.now()).total_seconds()))


def _folded(account: str) -> str:
    return account.strip().lower()[:150]
