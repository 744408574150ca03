"""Takes secrets out of text before it is logged or kept as evidence."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

MASK = "[redacted]"
EVIDENCE_LENGTH = 2000
_SHORTEST_SECRET = 6

# What gives a secret away though we do not know its value: bearer and session headers, JSON web tokens, named fields, keys.
_SHAPES = re.compile(
    r"(?i:(?<=bearer )[\w.~+/=-]{6,})"
    r"|(?i:(?<=session )[\w+/=-]{24,})"
    r"|eyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?"
    r"|whsec_[\w+/=-]+|pat-[a-z0-9]+-[\w-]{6,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"""|(?i:(?<="access_token":")|(?<="password":")|(?<="client_secret":")|(?<="token":"))[^"]+"""
    r"|(?i:(?<=client_assertion=)|(?<=client_secret=)|(?<=access_token=)|(?<=password=))[^&\s]+",
    re.DOTALL,
)


class Redactor:
    """Masks the values of one system's secret and everything that looks like one."""

    def __init__(self, secret: Mapping[str, Any]) -> None:
        values = sorted({value for value in _texts(secret) if len(value) >= _SHORTEST_SECRET}, key=len, reverse=True)
        self._values = re.compile("|".join(map(re.escape, values))) if values else None

    def __call__(self, text: str) -> str:
        """`text` with every secret masked."""
        if self._values is not None:
            text = self._values.sub(MASK, text)
        return _SHAPES.sub(MASK, text)

    def evidence(self, body: bytes) -> str:
        """The start of a vendor's answer, fit to be kept on a case: masked, no NUL characters, at most 2,000 characters."""
        # Cut after masking, else half a secret could stay at the edge.
        text = body[: EVIDENCE_LENGTH * 8].decode("utf-8", "replace").replace("\x00", "�")
        return self(text)[:EVIDENCE_LENGTH]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        # A key file shows up with its line breaks escaped as well.
        if "\n" in value:
            yield value.replace("\n", "\\n")
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
