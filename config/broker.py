"""The Redis address in the form Celery's transport understands."""

from urllib.parse import parse_qs, urlsplit


def broker_url(redis_url: str) -> str:
    """Celery writes a socket as redis+socket:// with the database as `virtual_host`; redis-py does not."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    database = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.path}?virtual_host={database}"
