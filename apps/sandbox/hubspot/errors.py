"""HubSpot's refusals, in its error shape."""

from typing import Any

from apps.sandbox.http import Answer, Refused, correlation_id


def error_body(message: str, *, category: str, **more: Any) -> dict[str, Any]:
    return {"status": "error", "message": message, "correlationId": correlation_id(), "category": category, **more}


def refused(status: int, message: str, *, category: str, **more: Any) -> Refused:
    return Refused(Answer(status, error_body(message, category=category, **more)))


def invalid(message: str, **more: Any) -> Refused:
    return refused(400, message, category="VALIDATION_ERROR", **more)


def invalid_properties(flaws: list[dict[str, Any]]) -> Refused:
    """One 400 for all properties at fault. A flaw: message, code, name."""
    errors = [{"message": f["message"], "code": f["code"], "context": {"propertyName": [f["name"]]}} for f in flaws]
    listed = ",".join(
        f'{{"isValid":false,"message":"{f["message"]}","error":"{f["code"]}","name":"{f["name"]}"}}' for f in flaws
    )
    return invalid(f"Property values were not valid: [{listed}]", errors=errors)


def names_in(body: Any, *, field: str = "properties") -> list[str]:
    """A list of texts out of a body; absent is empty."""
    given = body.get(field) if isinstance(body, dict) else None
    if given is None or given == {}:
        return []
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise invalid(f"{field}: expected a list of names")
    return given


def objects_in(body: Any, *, field: str = "inputs") -> list[dict[str, Any]]:
    """A list of objects out of a body."""
    given = body.get(field) if isinstance(body, dict) else None
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        raise invalid(f"{field}: expected a list of objects")
    return given


def not_found(kind: str, row_id: str) -> Refused:
    message = f"Object not found.  objectId are usually numeric. ({kind} {row_id})"
    return refused(404, message, category="OBJECT_NOT_FOUND", context={"id": [row_id]})


def no_such_path(path: str) -> Refused:
    return refused(404, f"No resource at {path}", category="NOT_FOUND")
