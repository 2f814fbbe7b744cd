"""The installation's secret, the keys made from it, and encryption of secrets at rest.

`secret.key` (or FENFA_SECRET_KEY) holds one secret a line. The first is the root: token hashes and visitor hashes come from
it, so it stays for good. Secrets at rest are sealed with the key of the last line; `fenfa rekey` adds one. A sealed text names
its key.
"""

import base64
import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from fenfa.errors import ConfigInvalid, SecretLost

_NONCE = 12
_SECRET = re.compile(r"[0-9a-f]{64}", re.IGNORECASE)


@dataclass(frozen=True)
class Keys:
    """32 bytes each: `pepper` for token secrets, `visitors` for visitor hashes, `sealing` for AES-256-GCM, the newest last.
    `file` is where they come from, None for the environment."""

    pepper: bytes
    visitors: bytes
    sealing: tuple[bytes, ...]
    file: Path | None = None


def open_keys(file: Path, given: str = "") -> Keys:
    """`given` are the secrets themselves; else reads the file, or makes it (mode 0600) where there is none."""
    lines = given.replace(",", " ").split() if given else _read(file)
    if not lines or not all(map(_SECRET.fullmatch, lines)):
        place = "FENFA_SECRET_KEY" if given else file
        raise ConfigInvalid(f"{place}: is not a secret of this program; restore it from a backup")
    root = bytes.fromhex(lines[0])
    sealing = tuple(_derived(bytes.fromhex(line), b"sealing") for line in lines)
    return Keys(_derived(root, b"tokens"), _derived(root, b"visitors"), sealing, None if given else file)


def seal(keys: Keys, name: str, text: str) -> str:
    """Encrypts; the result opens under the same name alone."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key, nonce = _current(keys).sealing[-1], os.urandom(_NONCE)
    sealed = nonce + AESGCM(key).encrypt(nonce, text.encode(), name.encode())
    return f"{_name_of(key)}:{base64.b64encode(sealed).decode()}"


def unseal(keys: Keys, name: str, sealed: str) -> str:
    """`SecretLost` when it was sealed under another name or with a key that is not here."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key_name, _, text = sealed.rpartition(":")
    for key in _current(keys).sealing:
        if not key_name or key_name == _name_of(key):  # the first versions named no key
            try:
                raw = base64.b64decode(text, validate=True)
                return AESGCM(key).decrypt(raw[:_NONCE], raw[_NONCE:], name.encode()).decode()
            except (InvalidTag, ValueError):
                continue
    raise SecretLost("a stored secret does not open with this secret.key; restore that file or enter it again")


def add_sealing_key(file: Path) -> Keys:
    """A new key, for all that is sealed from now on; also by processes that run already."""
    _write(file, [*_read(file), secrets.token_hex(32)])
    return open_keys(file)


def drop_old_keys(file: Path) -> None:
    """All but the root, the newest, and the one before it: a process may have sealed something with that a moment ago."""
    root, *others = _read(file)
    _write(file, [root, *others[-2:]])


def _current(keys: Keys) -> Keys:
    """`fenfa rekey` may have run since the process started."""
    return open_keys(keys.file) if keys.file else keys


def _derived(secret: bytes, word: bytes) -> bytes:
    return hmac.new(secret, word, hashlib.sha256).digest()


def _name_of(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:8]


def _read(file: Path) -> list[str]:
    try:
        return file.read_text("ascii").split()
    except FileNotFoundError:
        return [_create(file)]
    except ValueError:
        return []


def _create(file: Path) -> str:
    """Complete under its name or not there at all, also when two processes start at once."""
    draft = _draft(file, [secrets.token_hex(32)])
    try:
        os.link(draft, file)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return file.read_text("ascii").strip()


def _write(file: Path, lines: list[str]) -> None:
    _draft(file, lines).replace(file)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _draft(file: Path, lines: list[str]) -> Path:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(fd, "w", encoding="ascii") as out:
        out.write("\n".join(lines))
        out.flush()
        os.fsync(fd)
    return draft
