"""The installation's secret, the keys made from it, and encryption of secrets at rest."""

import base64
import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from fenfa.errors import ConfigInvalid, SecretLost

_NONCE = 12


@dataclass(frozen=True)
class Keys:
    """32 bytes each: `pepper` for token secrets, `visitors` for visitor hashes, `sealing` for AES-256-GCM."""

    pepper: bytes
    visitors: bytes
    sealing: bytes


def open_keys(file: Path) -> Keys:
    """Reads the secret file, or makes it (mode 0600) where there is none."""
    try:
        secret = bytes.fromhex(file.read_text("ascii"))
    except FileNotFoundError:
        secret = _create(file)
    except ValueError:
        secret = b""
    if len(secret) != 32:
        raise ConfigInvalid(f"{file}: is not a secret of this program; restore it from a backup")
    return Keys(*(hmac.new(secret, word, hashlib.sha256).digest() for word in (b"tokens", b"visitors", b"sealing")))


def seal(keys: Keys, name: str, text: str) -> str:
    """Encrypts; the result opens under the same name alone."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = os.urandom(_NONCE)
    return base64.b64encode(nonce + AESGCM(keys.sealing).encrypt(nonce, text.encode(), name.encode())).decode()


def unseal(keys: Keys, name: str, sealed: str) -> str:
    """`SecretLost` when it was sealed under another name or with another key."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        raw = base64.b64decode(sealed, validate=True)
        return AESGCM(keys.sealing).decrypt(raw[:_NONCE], raw[_NONCE:], name.encode()).decode()
    except (InvalidTag, ValueError):
        raise SecretLost(
            "a stored secret does not open with this secret.key; restore that file or enter it again"
        ) from None


def _create(file: Path) -> bytes:
    """Complete under its name or not there at all, also when two processes start at once."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w", encoding="ascii") as out:
        out.write(secrets.token_hex(32))
        out.flush()
        os.fsync(fd)
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return bytes.fromhex(file.read_text("ascii"))
