"""What the parts answer over HTTP on this machine."""

import http.client
import json
from urllib.parse import urlsplit

TIMEOUT_S = 5


def status(address: str) -> int | None:
    """Status code of a GET; None while nobody answers."""
    code, _ = _get(address)
    return code


def missing(address: str) -> str:
    """What /health/ says is not there yet, in words."""
    code, body = _get(address)
    if code is None:
        return "the web server"
    try:
        parts = json.loads(body)["missing"]
    except (ValueError, KeyError):
        return f"an answer (it says {code})"
    return "; ".join(f"{part}: {problem}" for part, problem in parts.items())


def _get(address: str) -> tuple[int | None, bytes]:
    parts = urlsplit(address)
    line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    try:
        line.request("GET", parts.path or "/")
        answer = line.getresponse()
        return answer.status, answer.read()
    except (OSError, ValueError, http.client.HTTPException):
        return None, b""
    finally:
        line.close()
