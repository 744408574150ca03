"""What can stop Tryton from being set up or started; every message is one line and names the mend."""


class TrytonSetupError(RuntimeError):
    """Tryton could not be installed, built or started."""
