"""The secrets of the connected systems and the sandbox's copy of them: made at random on first start, mode 600."""

import base64
import json
import os
import secrets
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

WEBHOOK_SYSTEMS = ("tax", "psa", "staffing", "documents")
CALLING_SYSTEMS = ("hubspot", *WEBHOOK_SYSTEMS)


def make_secrets(folder: Path) -> None:
    """Create every secret that is missing; what exists is never touched."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _once(folder / "hubspot.json", make=_hubspot)
    _once(folder / "netsuite.json", make=_netsuite)
    _publish_key(folder)
    for code in WEBHOOK_SYSTEMS:
        _once(folder / f"{code}.json", make=_webhook)


def write_sandbox_config(file: Path, *, folder: Path, ledger: Path, targets: dict[str, str]) -> Path:
    """Tell the sandbox the other half of each secret and whom to call; written anew at each start."""
    hubspot, netsuite = _read(folder / "hubspot.json"), _read(folder / "netsuite.json")
    ledger.parent.mkdir(parents=True, exist_ok=True)
    config = {
        "ledger": str(ledger),
        "hubspot": {
            "portal_id": 62515,
            "app_id": 54321,
            "token": hubspot["token"],
            "client_secret": hubspot["client_secret"],
        },
        "netsuite": {
            "account": netsuite["account"],
            "client_id": netsuite["client_id"],
            "certificate_id": netsuite["certificate_id"],
            "public_key": (folder / "netsuite.public.pem").read_text(),
        },
        "events": {code: {"secret": _read(folder / f"{code}.json")["secret"]} for code in WEBHOOK_SYSTEMS},
        "targets": targets,
    }
    _write_private(file, text=json.dumps(config, indent=1))
    return file


def inbound_addresses(tieout_url: str) -> dict[str, str]:
    """System code → where it calls Tieout. The signature is made over exactly this address."""
    return {code: f"{tieout_url}/api/v1/inbound/{code}/" for code in CALLING_SYSTEMS}


def _hubspot() -> dict[str, Any]:
    token = f"pat-eu1-{secrets.token_hex(4)}-{secrets.token_hex(16)}"
    return {"token": token, "client_secret": secrets.token_hex(24), "previous_client_secret": None}


def _netsuite() -> dict[str, Any]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return {
        "account": "7654321",
        "client_id": secrets.token_hex(32),
        "certificate_id": secrets.token_urlsafe(32),
        "private_key": text,
    }


def _publish_key(folder: Path) -> None:
    """The public half beside the private one: this is what an administrator uploads at the vendor."""
    private = _read(folder / "netsuite.json")["private_key"]
    key = serialization.load_pem_private_key(private.encode(), password=None)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    _write_private(folder / "netsuite.public.pem", text=public.decode())


def _webhook() -> dict[str, Any]:
    return {"secret": "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(), "previous_secret": None}


def _once(file: Path, *, make: Any) -> None:
    if not file.exists():
        _write_private(file, text=json.dumps(make(), indent=1))


def _read(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text())
    return content


def _write_private(file: Path, *, text: str) -> None:
    """Written beside and renamed, so that a kill leaves the old file or the new one, and never readable by others."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(file)
