"""Whether everything is ready: the answer at /health/, part by part."""

from collections.abc import Callable

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse


def health(request: HttpRequest) -> JsonResponse:
    """200 when every part is ready, else 503; the body names what is missing and why."""
    missing = {part: problem for part, check in CHECKS.items() if (problem := check())}
    body = {"ready": not missing, "missing": missing, "parts": sorted(CHECKS)}
    return JsonResponse(body, status=503 if missing else 200)


def _database() -> str:
    try:
        connection.ensure_connection()
    except DatabaseError:
        return "does not answer"
    return ""


def _migrations() -> str:
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return "cannot be read"
    return f"{len(waiting)} not applied; run `python manage.py migrate`" if waiting else ""


def _redis() -> str:
    try:
        redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1).ping()
    except redis.RedisError:
        return "does not answer; work goes on at the sweeper's pace"
    return ""


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "redis": _redis,
}
