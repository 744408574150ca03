"""OAuth 2.0 machine to machine: a client assertion in, an access token out, and what a token allows."""

from typing import Any
from urllib.parse import parse_qsl

import jwt

from apps.sandbox.clock import now_ms
from apps.sandbox.http import Answer, Request
from apps.sandbox.settings import NetSuiteSettings, public_key_of
from apps.sandbox.signing import TokenMint

TOKEN_PATH = "/services/rest/auth/oauth2/v1/token"
SCOPES = frozenset(("rest_webservices", "restlets", "suite_analytics"))
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ALGORITHMS = ["PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]


class Tokens:
    """Checks assertions, issues tokens, reads them back. Tokens outlive a restart; nothing is stored."""

    def __init__(self, settings: NetSuiteSettings) -> None:
        self._settings = settings
        self._public_key = public_key_of(settings)
        self._mint = TokenMint(f"{settings.client_id}:{settings.certificate_id}:{self._public_key}")
        self._known: dict[str, tuple[int, int, frozenset[str]]] = {}
        self._revoked_before_ms = 0

    def revoke_all(self) -> None:
        """Tokens issued until now stop working."""
        self._revoked_before_ms = now_ms() + 1
        self._known.clear()

    def scopes_of(self, request: Request) -> frozenset[str] | None:
        """What the bearer may do; None when the token is missing, foreign, expired or revoked."""
        token = request.header(b"authorization").removeprefix("Bearer ")
        facts = self._known.get(token) or self._mint.read(token)
        if facts is None:
            return None
        if len(self._known) > 1000:
            self._known.clear()
        self._known[token] = facts
        expires_at_s, issued_at_ms, scopes = facts
        if expires_at_s <= now_ms() / 1000 or issued_at_ms < self._revoked_before_ms:
            return None
        return scopes

    def issue(self, request: Request) -> Answer:
        """The token endpoint."""
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        if request.method != "POST" or form.get("grant_type") != "client_credentials":
            return _refusal("unsupported_grant_type", "grant_type must be client_credentials")
        if form.get("client_assertion_type") != _ASSERTION_TYPE:
            return _refusal("invalid_request", f"client_assertion_type must be {_ASSERTION_TYPE}")
        claims = self._claims(form.get("client_assertion", ""), audience=request.base + TOKEN_PATH)
        if isinstance(claims, Answer):
            return claims
        scopes = _scopes(claims.get("scope"))
        if not scopes or not scopes <= SCOPES:
            return _refusal("invalid_scope", f"scope must name {', '.join(sorted(SCOPES))}")
        lifetime_s = self._settings.token_lifetime_s
        made_at = now_ms()
        token = self._mint.issue(
            expires_at_s=made_at // 1000 + lifetime_s, issued_at_ms=made_at, scopes=",".join(sorted(scopes))
        )
        return Answer(200, {"access_token": token, "expires_in": lifetime_s, "token_type": "Bearer"})

    def _claims(self, assertion: str, *, audience: str) -> dict[str, Any] | Answer:
        s = self._settings
        real = f"https://{s.account.lower().replace('_', '-')}.suitetalk.api.netsuite.com{TOKEN_PATH}"
        try:
            header = jwt.get_unverified_header(assertion)
            if header.get("kid") != s.certificate_id:
                return _refusal("invalid_client", "kid is not the certificate id of this integration")
            claims: dict[str, Any] = jwt.decode(
                assertion,
                self._public_key,
                algorithms=_ALGORITHMS,
                audience=[audience, real],
                issuer=s.client_id,
                leeway=s.clock_skew_s,
                options={"require": ["iss", "aud", "iat", "exp"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            return _refusal("invalid_grant", f"client_assertion: {error}")
        if claims["exp"] > claims["iat"] + 3600:
            return _refusal("invalid_grant", "client_assertion: exp is more than 3600 s after iat")
        return claims


def _scopes(given: Any) -> set[str]:
    """The vendor's table says comma separated, its example shows an array; both are taken."""
    parts = given if isinstance(given, list) else str(given or "").replace(",", " ").split()
    return {str(part).strip() for part in parts}


def _refusal(error: str, description: str) -> Answer:
    return Answer(401 if error == "invalid_client" else 400, {"error": error, "error_description": description})
