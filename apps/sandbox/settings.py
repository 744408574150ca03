"""The one settings file of the sandbox, read once at start; every number a vendor leaves open is a default here."""

import base64
import binascii
import json
import os
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from apps.sandbox.errors import BadSettings

ENVIRONMENT_NAME = "SANDBOX_CONFIG"


@dataclass(frozen=True, kw_only=True)
class HubSpotLimits:
    """Requests allowed; 0 or null switches a limit off."""

    ten_secondly: int | None = 190
    search_secondly: int | None = 5
    daily: int | None = None


@dataclass(frozen=True, kw_only=True)
class HubSpotSettings:
    portal_id: int
    app_id: int
    token: str
    client_secret: str
    rate_limits: HubSpotLimits = HubSpotLimits()
    subscriptions: tuple[str, ...] = (
        "deal.creation",
        "deal.propertyChange",
        "deal.deletion",
        "company.creation",
        "company.propertyChange",
        "company.deletion",
        "line_item.creation",
        "line_item.propertyChange",
        "line_item.deletion",
    )
    versions: tuple[str, ...] = ("2026-03", "2026-09", "v3", "v4")


@dataclass(frozen=True, kw_only=True)
class NetSuiteSettings:
    account: str
    client_id: str
    certificate_id: str
    public_key: str = ""
    public_key_file: str = ""
    concurrency_limit: int | None = 15
    token_lifetime_s: int = 3600
    clock_skew_s: int = 60
    async_delay_ms: int = 0
    forbidden_records: tuple[str, ...] = ()
    business_keys: dict[str, str] = field(
        default_factory=lambda: {
            "invoice": "custbody_tieout_milestone",
            "creditmemo": "custbody_tieout_reference",
            "charge": "custrecord_tieout_milestone",
        }
    )


@dataclass(frozen=True, kw_only=True)
class EventsSettings:
    """One system on signed CloudEvents; the same secret signs both directions."""

    secret: str
    previous_secret: str | None = None


@dataclass(frozen=True, kw_only=True)
class WebhookSettings:
    """How the sandbox calls Tieout back. HubSpot itself tries 10 times in 24 h; the pace here suits a demo."""

    first_retry_s: float = 1.0
    retry_factor: float = 2.0
    retry_cap_s: float = 10.0
    give_up_after_s: float = 24 * 3600
    max_pending: int = 100_000
    concurrency: int = 4
    linger_ms: int = 20
    timeout_s: float = 5.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    ledger: str
    hubspot: HubSpotSettings | None = None
    netsuite: NetSuiteSettings | None = None
    events: dict[str, EventsSettings] = field(default_factory=dict)
    targets: dict[str, str] = field(default_factory=dict)
    webhooks: WebhookSettings = WebhookSettings()
    max_body_bytes: int = 32 * 1024 * 1024


def load(path: str | os.PathLike[str] | None = None) -> Settings:
    """Settings from `path`, else from the file named by SANDBOX_CONFIG. Raises BadSettings, one line."""
    name = path or os.environ.get(ENVIRONMENT_NAME)
    if not name:
        raise BadSettings(f"sandbox: no settings; name a JSON file in {ENVIRONMENT_NAME} or with --config")
    try:
        document = json.loads(Path(name).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSettings(f"sandbox: cannot read settings {name}: {error.strerror}") from error
    except ValueError as error:
        raise BadSettings(f"sandbox: settings {name} are not JSON: {error}") from error
    settings: Settings = _build(Settings, document, where=str(name))
    _check(settings, where=str(name))
    return settings


def public_key_of(netsuite: NetSuiteSettings) -> str:
    """The PEM the client's assertions are checked with: inline, or from its file."""
    if netsuite.public_key:
        return netsuite.public_key
    try:
        return Path(netsuite.public_key_file).read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        raise BadSettings(f"sandbox: netsuite.public_key_file {netsuite.public_key_file!r}: {error}") from error


def _build(kind: Any, value: Any, *, where: str) -> Any:
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        if value is None and type(None) in get_args(kind):
            return None
        return _build(next(a for a in get_args(kind) if a is not type(None)), value, where=where)
    if is_dataclass(kind):
        return _build_section(kind, value, where=where)
    if origin is tuple and isinstance(value, list):
        return tuple(_build(get_args(kind)[0], item, where=where) for item in value)
    if origin is dict and isinstance(value, dict):
        return {key: _build(get_args(kind)[1], item, where=f"{where}.{key}") for key, item in value.items()}
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(kind, type) and isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    name = getattr(kind, "__name__", str(kind))
    raise BadSettings(f"sandbox: {where}: expected {name}, found {json.dumps(value)[:40]}")


def _build_section(kind: Any, value: Any, *, where: str) -> Any:
    if not isinstance(value, dict):
        raise BadSettings(f"sandbox: {where}: expected an object with {', '.join(f.name for f in fields(kind))}")
    hints = get_type_hints(kind)
    unknown = sorted(set(value) - set(hints))
    if unknown:
        raise BadSettings(f"sandbox: {where}: unknown setting {unknown[0]!r}; known: {', '.join(hints)}")
    made = {name: _build(hints[name], item, where=f"{where}: {name}") for name, item in value.items()}
    try:
        return kind(**made)
    except TypeError as error:
        raise BadSettings(f"sandbox: {where}: {str(error).split('__init__() ')[-1]}") from error


def _check(settings: Settings, *, where: str) -> None:
    for code, system in settings.events.items():
        for secret in filter(None, (system.secret, system.previous_secret)):
            try:
                base64.b64decode(secret.removeprefix("whsec_"), validate=True)
            except binascii.Error as error:
                raise BadSettings(f"sandbox: {where}: events.{code}: a secret is whsec_ followed by base64") from error
    for code, url in settings.targets.items():
        if not url.startswith(("http://", "https://")):
            raise BadSettings(f"sandbox: {where}: targets.{code}: expected an http address, found {url!r}")
    if settings.netsuite is not None and "PUBLIC KEY" not in public_key_of(settings.netsuite):
        raise BadSettings(f"sandbox: {where}: netsuite.public_key: expected a PEM public key")
