"""Settings that an admin changes while the server runs; the configuration gives their first values."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Connection, delete, insert, select, update

from fenfa.config import Config
from fenfa.db.tables import apple_health, settings
from fenfa.errors import BadInput
from fenfa.services.products import touch_all
from fenfa.services.records import Record
from fenfa.services.texts import has_controls
from fenfa.services.vault import Keys, seal

_BUCKET = re.compile(r"((gs|az)://)?[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_NETLOC = re.compile(r"([\w-]+(\.[\w-]+)*\.?|\[[0-9A-Fa-f:.]+\])(:\d+)?")
_LONGEST_SECRET = 8192
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _line(value: Any) -> str:
    if not isinstance(value, str) or len(value) > 255 or has_controls(value):
        raise BadInput("must be a line of at most 255 characters")
    return value.strip()


def _url(value: Any) -> str:
    text = _line(value).rstrip("/")
    if text and not _is_base_url(text):
        raise BadInput("must be a URL such as https://get.example.com, without a path")
    return text


def _endpoint(value: Any) -> str:
    text = _line(value).rstrip("/")
    if text and not (_is_web_url(text)):
        raise BadInput("must be a URL such as https://s3.example.com")
    return text


def _urls(value: Any) -> list[str]:
    if not isinstance(value, list) or len(value) > 20:
        raise BadInput("must be a list of at most 20 URLs")
    return [url for url in map(_url, value) if url]


def _matching(pattern: re.Pattern[str], refuse: Callable[[], BadInput]) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        text = _line(value)
        if text and not pattern.fullmatch(text):
            raise refuse()
        return text

    return check


def _storage_type(value: Any) -> str:
    if value not in ("local", "s3"):
        raise BadInput("must be local or s3")
    return str(value)


def _secret(value: Any) -> str:
    text = _line(value)
    if " " in text:
        raise BadInput("must not hold spaces")
    return text


def _long_secret(value: Any) -> str:
    """A word, or the JSON of a service account."""
    if not isinstance(value, str) or len(value) > _LONGEST_SECRET:
        raise BadInput("must be a text of at most 8192 characters")
    text = value.strip()
    return text if text.startswith("{") else _secret(text)


def _private_key(value: Any) -> str:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if value == "":
        return ""
    try:
        key = load_pem_private_key(str(value).encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise BadInput("must be the text of the .p8 file from App Store Connect")
    return str(value).strip() + "\n"


def _date(value: Any) -> str:
    text = _line(value)
    if text and not _is_date(text):
        raise BadInput("must be a date, YYYY-MM-DD")
    return text


_CHECKS: dict[str, Callable[[Any], Any]] = {
    "primary_domain": _url,
    "secondary_domains": _urls,
    "organization": _line,
    "upload_domain": _url,
    "storage_type": _storage_type,
    "s3_endpoint": _endpoint,
    "s3_bucket": _matching(
        _BUCKET, lambda: BadInput("must be a bucket name: 3 to 63 lower-case letters, digits, dots and hyphens")
    ),
    "s3_region": _matching(re.compile(r"[a-z0-9-]{1,40}"), lambda: BadInput("must be a region such as eu-central-1")),
    "s3_public_url": _endpoint,
    "s3_access_key": _secret,
    "s3_secret_key": _long_secret,
    "apple_key_id": _matching(
        re.compile(r"[A-Z0-9]{10}"), lambda: BadInput("must be the 10 letters and digits of the key's ID")
    ),
    "apple_issuer_id": _matching(_UUID, lambda: BadInput("must be the issuer's UUID")),
    "apple_team_id": _matching(
        re.compile(r"[A-Z0-9]{10}"), lambda: BadInput("must be the 10 letters and digits of the team's ID")
    ),
    "apple_private_key": _private_key,
    "apple_membership_ends": _date,
}
_BOOTED = (
    *("storage_type", "s3_endpoint", "s3_bucket", "s3_region", "s3_public_url"),
    *("s3_access_key", "s3_secret_key"),
)
"""What an environment may say of the bucket; secrets as they are, not sealed."""
_SHOWN = (
    *("primary_domain", "organization", "storage_type", "upload_domain"),
    *("s3_endpoint", "s3_bucket", "s3_region", "s3_public_url", "apple_key_id", "apple_issuer_id", "apple_team_id"),
    "apple_membership_ends",
)
_APPLE_KEY = frozenset({"apple_key_id", "apple_issuer_id", "apple_private_key"})
SECRETS = frozenset({"s3_access_key", "s3_secret_key", "apple_private_key"})
"""Stored sealed, and shown to nobody."""


@dataclass(frozen=True)
class Settings:
    """All settings; secrets sealed, but for those of the configuration that nobody has saved over. `updated_at` is empty until
    an admin has saved."""

    values: Mapping[str, Any]
    updated_at: str
    sealed: frozenset[str] = frozenset()  # the secrets among them that were saved

    def __getitem__(self, name: str) -> Any:
        return self.values.get(name) or ""

    def public(self) -> Record:
        """The answer of the API: no secret in it."""
        answer = {name: self[name] for name in _SHOWN}
        return answer | {
            "secondary_domains": list(self.values.get("secondary_domains", ())),
            "updated_at": self.updated_at or None,
            "s3_configured": all(self[f"s3_{part}"] for part in ("bucket", "access_key", "secret_key")),
            "apple_configured": all(self[f"apple_{part}"] for part in ("key_id", "issuer_id", "private_key")),
        }


def load_settings(connection: Connection, config: Config) -> Settings:
    rows = connection.execute(select(settings)).mappings().all()
    values = {
        "primary_domain": config.primary_domain.rstrip("/"),
        "secondary_domains": [domain.rstrip("/") for domain in config.secondary_domains],
        "organization": config.organization,
        **{name: getattr(config, name) for name in _BOOTED},
    }
    values |= {row["name"]: row["value"] for row in rows}
    sealed = SECRETS & {row["name"] for row in rows}
    return Settings(values, max((row["updated_at"] for row in rows), default=""), sealed)


def save_settings(connection: Connection, now: str, keys: Keys, changes: Mapping[str, Any]) -> None:
    """All of the changes or, with a `BadInput` that names the field, none."""
    checked = {name: checked_setting(name, value) for name, value in changes.items()}
    for name, value in checked.items():
        stored = seal(keys, name, value) if name in SECRETS and value else value
        mine = update(settings).where(settings.c.name == name)
        if not connection.execute(mine.values(value=stored, updated_at=now)).rowcount:
            connection.execute(insert(settings).values(name=name, value=stored, updated_at=now))
    if not _APPLE_KEY.isdisjoint(changes):  # what Apple said of the old key says nothing of the new one
        connection.execute(delete(apple_health).where(apple_health.c.team_id == "default"))
    touch_all(connection)


def find_problems(changes: Mapping[str, Any]) -> dict[str, BadInput]:
    """What is wrong with each of the values, by name; empty: all of them can be saved."""
    found = {}
    for name, value in changes.items():
        try:
            _CHECKS[name](value)
        except BadInput as error:
            found[name] = error
    return found


def setting_names() -> tuple[str, ...]:
    return tuple(_CHECKS)


def checked_setting(name: str, value: Any, field: str = "") -> Any:
    """The value in its stored form; `field` is what the client called it."""
    if name not in _CHECKS:
        raise BadInput(f"unknown field {name!r}; known: {', '.join(_CHECKS)}")
    try:
        return _CHECKS[name](value)
    except BadInput as error:
        raise BadInput(f"{field or name} {error}") from None


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_base_url(text: str) -> bool:
    return _is_web_url(text) and not urlsplit(text).path


def _is_web_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - raises on a port that is none
    except ValueError:
        return False
    clean = not (parts.query or parts.fragment or " " in text)
    return parts.scheme in ("http", "https") and bool(_NETLOC.fullmatch(parts.netloc)) and clean
