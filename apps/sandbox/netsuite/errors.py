"""NetSuite's refusals: o:errorDetails with code and path."""

from typing import Any

from apps.sandbox.http import Answer, Refused, correlation_id

ERROR_TYPE = b"application/vnd.oracle.resource+json; type=error"
_RFC = "https://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html#sec10.4.1"
_TITLES = {400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed"}


def error_answer(status: int, detail: str, *, code: str, path: str = "", title: str = "", **more: Any) -> Answer:
    first: dict[str, Any] = {"detail": detail, "o:errorCode": code}
    if path:
        first["o:errorPath"] = path
    first.update(more)
    body = {"type": _RFC, "title": title or _TITLES.get(status, "Error"), "status": status, "o:errorDetails": [first]}
    return Answer(status, body, content_type=ERROR_TYPE)


def refused(status: int, detail: str, *, code: str, path: str = "", **more: Any) -> Refused:
    return Refused(error_answer(status, detail, code=code, path=path, **more))


def invalid_value(value: Any, *, field: str, path: str = "") -> Refused:
    text = value.get("id") or value.get("externalId") if isinstance(value, dict) else value
    detail = (
        "Error while accessing a resource. You have entered an Invalid Field Value"
        f" {str(text)[:60]} for the following field: {field}"
    )
    return refused(400, detail, code="INVALID_CONTENT", path=path or field)


def invalid_content(detail: str, *, path: str = "") -> Refused:
    return refused(400, detail, code="INVALID_CONTENT", path=path)


def user_error(detail: str, *, path: str = "") -> Refused:
    return refused(400, f"Error while accessing a resource. {detail}", code="USER_ERROR", path=path)


def nonexistent() -> Refused:
    return refused(404, "Record does not exist.", code="NONEXISTENT_ID")


def closed_period() -> Refused:
    return user_error("You cannot create or change a transaction in a closed period.", path="postingPeriod")


def unauthorized() -> Answer:
    detail = (
        "Invalid login attempt. For more details, see the Login Audit Trail in the NetSuite UI"
        " at Setup > Users/Roles > User Management > View Login Audit Trail."
    )
    return error_answer(401, detail, code="INVALID_LOGIN")


def unexpected() -> Answer:
    detail = f"An unexpected error occurred. Error ID: {correlation_id().replace('-', '')[:20]}"
    return error_answer(500, detail, code="UNEXPECTED_ERROR", title="Internal Server Error")


def too_many() -> Answer:
    body = {
        "type": _RFC,
        "title": "Bad Request",
        "status": 429,
        "o:errorCode": "USER_ERROR",
        "o:errorDetails": [
            {
                "detail": "Concurrent request limit exceeded. Request blocked.",
                "o:errorCode": "CONCURRENCY_LIMIT_EXCEEDED",
            }
        ],
    }
    return Answer(429, body, content_type=ERROR_TYPE)


def restlet_error(status: int, message: str, *, code: str) -> Answer:
    return Answer(status, {"error": {"code": code, "message": message}})
