"""What stops the launcher, worded for the person who typed `make run`."""


class CannotStartError(Exception):
    """Tieout cannot run here; the message is one line and names the mend."""
