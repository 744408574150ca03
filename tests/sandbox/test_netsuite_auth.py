"""OAuth 2.0 machine to machine, scopes and the concurrency limit."""

import time
from concurrent.futures import ThreadPoolExecutor

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.sandbox.process import SandboxProcess


@pytest.mark.parametrize("scope", ["rest_webservices,restlets", ["rest_webservices"], "restlets"])
def test_a_signed_assertion_buys_a_token_in_every_documented_scope_form(sandbox: SandboxProcess, scope):
    answer = sandbox.token_answer(sandbox.assertion(scope=scope))

    assert answer.status_code == 200, answer.text
    assert int(answer.json()["expires_in"]) == 3600
    headers = {"authorization": f"Bearer {answer.json()['access_token']}"}
    read = requests.get(f"{sandbox.base}/netsuite/services/rest/record/v1/subsidiary/1", headers=headers, timeout=5)
    assert read.status_code == (403 if scope == "restlets" else 200)


def test_the_real_address_is_taken_as_audience_too(sandbox: SandboxProcess):
    real = "https://7654321.suitetalk.api.netsuite.com/services/rest/auth/oauth2/v1/token"

    assert sandbox.token_answer(sandbox.assertion(audience=real)).status_code == 200


@pytest.mark.parametrize(
    ("flaw", "error"),
    [
        ({"exp": 1}, "invalid_grant"),
        ({"exp": int(time.time()) + 7200}, "invalid_grant"),
        ({"iss": "another"}, "invalid_grant"),
        ({"audience": "https://elsewhere.example"}, "invalid_grant"),
        ({"kid": "another"}, "invalid_client"),
        ({"algorithm": "RS256"}, "invalid_grant"),
        ({"scope": "everything"}, "invalid_scope"),
    ],
)
def test_a_flawed_assertion_buys_nothing(sandbox: SandboxProcess, flaw, error):
    answer = sandbox.token_answer(sandbox.assertion(**flaw))

    assert answer.status_code in (400, 401)
    assert answer.json()["error"] == error


def test_a_foreign_key_buys_nothing(sandbox: SandboxProcess):
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    claims = jwt.decode(sandbox.assertion(), options={"verify_signature": False})

    answer = sandbox.token_answer(jwt.encode(claims, foreign, algorithm="PS256", headers={"kid": "certificate"}))

    assert answer.json()["error"] == "invalid_grant"


def test_a_revoked_or_invented_token_is_an_invalid_login(sandbox: SandboxProcess):
    old = sandbox.token_answer(sandbox.assertion()).json()["access_token"]
    url = f"{sandbox.base}/netsuite/services/rest/record/v1/subsidiary/1"
    sandbox.control("POST", "netsuite/revoke", {})

    answers = [
        requests.get(url, headers={"authorization": f"Bearer {token}"}, timeout=5) for token in (old, "invented", "")
    ]

    codes = {(one.status_code, one.json()["o:errorDetails"][0]["o:errorCode"]) for one in answers}
    assert codes == {(401, "INVALID_LOGIN")}
    sandbox._bearer = ""
    assert sandbox.record("GET", "subsidiary/1").status_code == 200


def test_more_calls_at_once_than_allowed_are_blocked_as_each_door_words_it(sandbox: SandboxProcess):
    sandbox.bearer()
    sandbox.control("POST", "netsuite/limits", {"concurrency_limit": 2})
    sandbox.control("POST", "latency", {"vendor": "netsuite", "ms": 300})
    headers = {"authorization": f"Bearer {sandbox.bearer()}"}
    read = f"{sandbox.base}/netsuite/services/rest/record/v1/subsidiary/1"

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(lambda _n: requests.get(read, headers=headers, timeout=5), range(5)))
        held = [pool.submit(requests.get, read, headers=headers, timeout=5) for _ in range(2)]
        time.sleep(0.1)
        restlet = requests.post(
            f"{sandbox.base}/netsuite/app/site/hosting/restlet.nl?script=1&deploy=1",
            json={},
            headers=headers,
            timeout=5,
        )
        assert [one.result().status_code for one in held] == [200, 200]
    sandbox.control("POST", "netsuite/limits", {"concurrency_limit": 15})

    blocked = [one.json() for one in answers if one.status_code == 429]
    assert len(blocked) == 3
    assert blocked[0]["o:errorDetails"][0]["o:errorCode"] == "CONCURRENCY_LIMIT_EXCEEDED"
    assert (restlet.status_code, restlet.json()["error"]["code"]) == (400, "SSS_REQUEST_LIMIT_EXCEEDED")
