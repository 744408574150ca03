"""NetSuite's OAuth 2.0 machine-to-machine tokens: a signed assertion for a token, kept until shortly before it ends."""

import asyncio
import time
from typing import Any
from weakref import WeakKeyDictionary

import jwt

from apps.connectors.base import HttpDoor, SystemFacts
from apps.core import clock
from apps.core.errors import Misconfigured, TransientFailure

TOKEN_PATH = "/services/rest/auth/oauth2/v1/token"  # noqa: S105 - an address, no secret
ALGORITHM = "PS256"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_LIFE_S = 300
RENEW_BEFORE_S = 60
TOKEN_TIMEOUT_S = 10.0
# A token younger than this that is refused will not get better by asking for another.
_FRESH_S = 30.0


class Tokens:
    """The access token of one account. Many tasks may ask at once: one of them fetches, the others wait for it."""

    def __init__(self, system: SystemFacts, http: HttpDoor) -> None:
        self._system = system
        self._http = http
        self._url = system.base_url + TOKEN_PATH
        self._token = ""
        self._fetched_at = self._good_until = float("-inf")
        self._locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    async def get(self, *, timeout_s: float = TOKEN_TIMEOUT_S) -> str:
        """A token with at least a minute left. Raises Misconfigured when the credentials are refused."""
        if time.monotonic() < self._good_until:
            return self._token
        async with self._lock():
            if time.monotonic() >= self._good_until:
                await self._fetch(timeout_s)
            return self._token

    def drop_if_old(self) -> bool:
        """Forget a token that was refused; False when it is so new that the credentials themselves must be wrong."""
        if time.monotonic() - self._fetched_at < _FRESH_S:
            return False
        self._good_until = float("-inf")
        return True

    async def _fetch(self, timeout_s: float) -> None:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion(self._system, audience=self._url),
        }
        asked_at = time.monotonic()
        reply = await self._http.send(
            "POST",
            self._url,
            data="&".join(f"{name}={_escaped(value)}" for name, value in form.items()),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            timeout_s=min(timeout_s, TOKEN_TIMEOUT_S),
            is_read=True,
        )
        if reply.status == 429 or reply.status >= 500:
            raise TransientFailure(f"NetSuite: no token now ({reply.status}).", code="vendor_down", retry_after_s=2.0)
        token, life_s = _read(reply.status, _json(reply))
        self._token = token
        self._fetched_at = asked_at
        self._good_until = asked_at + max(0.0, life_s - RENEW_BEFORE_S)

    def _lock(self) -> asyncio.Lock:
        return self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())


def assertion(system: SystemFacts, *, audience: str) -> str:
    """The signed JSON web token that proves who we are; good for five minutes. Raises Misconfigured."""
    now = int(clock.now().timestamp())
    try:
        secret = system.secret
        claims = {
            "iss": secret["client_id"],
            "scope": ["rest_webservices", "restlets"],
            "aud": system.settings.get("token_audience", audience),
            "iat": now,
            "exp": now + ASSERTION_LIFE_S,
        }
        header = {"typ": "JWT", "kid": secret["certificate_id"]}
        return jwt.encode(claims, secret["private_key"], algorithm=ALGORITHM, headers=header)
    except KeyError as error:
        raise Misconfigured(
            f"NetSuite: the secret file holds no {error}. Add it.", code="credentials_expired"
        ) from None
    except (ValueError, TypeError, jwt.PyJWTError):
        # The cause would carry parts of the key.
        raise Misconfigured(
            "NetSuite: the private key cannot be used. Put an RSA key, PEM, into the secret file.",
            code="credentials_expired",
        ) from None


def _read(status: int, answer: dict[str, Any]) -> tuple[str, float]:
    token, life_s = answer.get("access_token"), answer.get("expires_in")
    if status == 200 and isinstance(token, str) and token:
        try:
            return token, float(life_s or 0)
        except (TypeError, ValueError):
            return token, 0.0
    # The answer's own words may quote the assertion: only its error code is told.
    raise Misconfigured(
        f"NetSuite refuses our credentials ({status} {str(answer.get('error', ''))[:60]})."
        " Check client id, certificate and its mapping to a role.",
        code="credentials_expired",
    )


def _json(reply: Any) -> dict[str, Any]:
    try:
        content = reply.json()
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _escaped(value: str) -> str:
    return value.replace(":", "%3A").replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
