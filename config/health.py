"""Whether everything is ready: the answer at /health/, part by part."""

import http.client
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from config.heartbeat import late_workers

TIMEOUT_S = 2


def health(request: HttpRequest) -> JsonResponse:
    """200 when every part is ready, else 503; the body names what is missing and why. Open to everybody."""
    missing = missing_parts()
    return JsonResponse({"ready": not missing, "missing": missing}, status=503 if missing else 200)


def missing_parts() -> dict[str, str]:
    """Part → what is wrong with it; empty when all is ready."""
    found = {"database": _database(), "redis": _redis(), "workers": _workers()}
    if not found["database"]:
        found["migrations"] = _migrations()
    found |= {part: _neighbour(address) for part, address in settings.NEIGHBOURS.items()}
    return {part: problem for part, problem in found.items() if problem}


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
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
        with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1) as client:
            client.ping()
    except redis.RedisError:
        return "does not answer; the sweeper does the work meanwhile"
    return ""


def _workers() -> str:
    try:
        late = late_workers()
    except redis.RedisError:
        return "cannot be asked while Redis is away"
    return "; ".join(f"the {kind} worker {problem}" for kind, problem in late.items())


def _neighbour(address: str) -> str:
    """Any answer will do, a refusal included: it shows that somebody is at home."""
    parts = urlsplit(address)
    line = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
    try:
        line.request("GET", parts.path or "/")
        line.getresponse()
    except (OSError, http.client.HTTPException):
        return "does not answer"
    finally:
        line.close()
    return ""
