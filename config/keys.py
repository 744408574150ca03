"""Keys this installation makes for itself on first use."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


def signing_key(folder: Path) -> str:
    """Django's secret key: random, made once, readable by its owner only. Safe to call in parallel."""
    file = folder / "django.key"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = folder / f"django.key.{os.getpid()}"
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(64))
        # Linking fails when somebody was faster; then theirs is the key.
        with suppress(FileExistsError):
            os.link(draft, file)
        draft.unlink()
    return file.read_text()
