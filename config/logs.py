"""Structured logs: one line per fact, with the story's correlation id and without secrets."""

import re
from collections.abc import MutableMapping
from typing import Any

import structlog

from apps.core.context import causation_id, correlation_id

HIDDEN = "[hidden]"
SECRET_NAME = re.compile(
    r"(?i)(password|passwd|secret|token|authorization|api[_-]?key|private[_-]?key|cookie|signature|assertion)"
)
SECRET_VALUE = re.compile(
    r"(?i)(bearer\s+|basic\s+)[\w.~+/=-]{8,}|whsec_[\w+/=-]+|pat-[a-z0-9]+-[\w-]{8,}|://[^/\s:@]+:[^/\s@]+@"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----",
    re.DOTALL,
)


def name_story(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Say which story the line belongs to, and what caused it."""
    if story := correlation_id():
        event.setdefault("correlation_id", story)
    if cause := causation_id():
        event.setdefault("causation_id", cause)
    return event


def hide_secrets(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank whatever is named like a secret or looks like one, at any depth."""
    for name in list(event):
        event[name] = HIDDEN if SECRET_NAME.search(name) else _hidden(event[name])
    return event


def logging_config(*, level: str, as_json: bool) -> dict[str, Any]:
    """The LOGGING setting: standard records and structlog records leave by the same door."""
    renderer = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, hide_secrets, renderer],
                "foreign_pre_chain": _shared(),
            }
        },
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "line"},
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Every request would be logged twice: here and by the server.
            "django.server": {"level": "WARNING"},
            "aiohttp.access": {"level": "WARNING"},
            # Wake-ups come every second and tell nothing.
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
        },
    }


def configure() -> None:
    """Let structlog hand its records to the standard library, which renders them."""
    structlog.configure(
        processors=[*_shared(), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _shared() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        name_story,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.format_exc_info,
    ]


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        return SECRET_VALUE.sub(HIDDEN, value)
    if isinstance(value, dict):
        return {name: HIDDEN if SECRET_NAME.search(str(name)) else _hidden(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(inner) for inner in value]
    return value
