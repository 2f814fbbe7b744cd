"""Replies of devices, kept as files for `fenfa udid inspect` where the configuration asks for it."""

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path


def keep_reply(folder: str, now: datetime, reply: bytes) -> Path:
    """Readable by nobody else: a reply names a device. Blocks."""
    name = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}.p7"
    Path(folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    file = Path(folder) / name
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(reply)
    return file
