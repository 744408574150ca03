"""The root error and the four kinds of failure: four kinds because four different people act."""


class TieoutError(Exception):
    """Root of every error Tieout raises on purpose; its text is fit for the person who must act."""


class Failure(TieoutError):
    """A call to another system that did not end well.

    code:   a catalogue word for the cause, such as ``period_closed`` or ``credentials_expired``.
    field:  the canonical field at fault, empty when none is.
    detail: the vendor's own words, never secrets; kept as evidence on the case.
    """

    def __init__(self, message: str, *, code: str = "", field: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.detail = detail


class TransientFailure(Failure):
    """Not now: the outbox tries again. `retry_after_s` is the vendor's own wish, None when it has none."""

    def __init__(
        self,
        message: str,
        *,
        retry_after_s: float | None = None,
        code: str = "transient",
        scope: str = "command",
        detail: str = "",
    ) -> None:
        # scope "system" pauses the whole platform (a 429), "command" only this call.
        super().__init__(message, code=code, detail=detail)
        self.retry_after_s = retry_after_s
        self.scope = scope


class Rejected(Failure):
    """The vendor said no; nothing happened there. A person must change something first."""


class UnknownOutcome(Failure):
    """No answer: it may or may not have happened. Never resend; look up by idempotency key first."""


class Misconfigured(Failure):
    """Credentials, mapping or rule: an admin must act; the system's queue pauses."""


class BadInput(TieoutError):
    """Input from outside that cannot be read. Says what, where and how to mend it.

    path:  where in the input, in the caller's words (``lines[2].amount``).
    mend:  what the caller should do.
    """

    def __init__(self, message: str, *, path: str = "", mend: str = "") -> None:
        super().__init__(message)
        self.path = path
        self.mend = mend


class Conflict(TieoutError):
    """Somebody else was faster: the row has moved on since the caller read it."""
