"""One HTTP request and its answer, as small as raw ASGI allows."""

import secrets
from typing import Any
from urllib.parse import parse_qsl, unquote

from pydantic_core import from_json, to_json

JSON_TYPE = b"application/json"


class Request:
    """What came in. `path` starts after the vendor's prefix; query and JSON are read on demand."""

    __slots__ = ("_query", "base", "body", "headers", "method", "path", "query_string")

    def __init__(
        self, *, method: str, base: str, path: str, query_string: bytes, headers: dict[bytes, bytes], body: bytes
    ) -> None:
        self.method = method
        self.base = base
        self.path = path
        self.query_string = query_string
        self.headers = headers
        self.body = body
        self._query: dict[str, str] | None = None

    @property
    def query(self) -> dict[str, str]:
        if self._query is None:
            text = self.query_string.decode("latin-1")
            self._query = dict(parse_qsl(text, keep_blank_values=True)) if text else {}
        return self._query

    def header(self, name: bytes) -> str:
        """The header's text, or an empty one; `name` in lower case."""
        value = self.headers.get(name)
        return value.decode("latin-1") if value is not None else ""

    def json(self) -> Any:
        """The body as JSON. Raises ValueError with the place of the mistake; NaN and infinities are mistakes."""
        return from_json(self.body, allow_inf_nan=False)


class Answer:
    """What goes out: status, JSON-ready or ready-made body, extra headers."""

    __slots__ = ("body", "content_type", "headers", "status")

    def __init__(
        self,
        status: int = 200,
        body: Any = None,
        *,
        content_type: bytes = JSON_TYPE,
        headers: list[tuple[bytes, bytes]] | None = None,
    ) -> None:
        self.status = status
        self.body = body if isinstance(body, bytes) else b"" if body is None else to_json(body)
        self.content_type = content_type
        self.headers = headers or []


class Refused(Exception):
    """A vendor's no, carrying the whole answer; raised anywhere below a vendor's door."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def problem(status: int, *, title: str, detail: str, code: str, **more: object) -> Answer:
    """An RFC 9457 problem document."""
    body = {"type": f"urn:sandbox:{code}", "title": title, "status": status, "detail": detail, "code": code, **more}
    return Answer(status, body, content_type=b"application/problem+json")


def segments(path: str) -> list[str]:
    """The path's parts, percent-decoded; an escaped slash stays inside its part."""
    parts = path.strip("/").split("/")
    return [unquote(part) for part in parts] if "%" in path else parts


def correlation_id() -> str:
    """A random id in the shape the vendors print."""
    value = secrets.token_hex(16)
    return f"{value[:8]}-{value[8:12]}-4{value[13:16]}-a{value[17:20]}-{value[20:]}"
