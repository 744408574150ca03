"""The DATABASES entry for a connection URL: PostgreSQL by psycopg 3, and nothing else."""

from typing import Any

from environ import Env


def database_setting(url: str, *, pool_size: int, idle_s: int) -> dict[str, Any]:
    """Settings of one database.

    pool_size 0: one lasting connection per process, for workers and commands. Otherwise a pool of at most that
    many, for the web server: Django keeps a lasting connection per thread and ASGI has no lasting threads.
    idle_s: a frozen process loses its transaction after this, so that nobody waits for the rows it has locked.
    """
    setting: dict[str, Any] = dict(Env.db_url_config(url))
    setting["ENGINE"] = "django.db.backends.postgresql"
    options = dict(setting.get("OPTIONS", {}))
    if "host" in options:
        setting["HOST"] = options.pop("host")
    patience = f"-c idle_in_transaction_session_timeout={idle_s}s"
    setting["OPTIONS"] = {"connect_timeout": 10, "application_name": "tieout", "options": patience, **options}
    setting["CONN_HEALTH_CHECKS"] = True
    setting["CONN_MAX_AGE"] = 0 if pool_size else 600
    if pool_size:
        setting["OPTIONS"]["pool"] = {"min_size": 2, "max_size": pool_size, "timeout": 5}
    return setting
