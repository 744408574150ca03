"""What can be wrong with the sandbox itself, as opposed to what a vendor refuses."""


class SandboxError(Exception):
    """Root of this room's own failures; the text is one line and names the mend."""


class BadSettings(SandboxError):
    """The settings file is missing, unreadable or says something impossible."""


class LedgerUnusable(SandboxError):
    """The ledger file cannot be opened, is damaged, or another process holds it."""
