"""Boot settings: one row each. Environment over `config.json` over defaults.

A malformed file, an unknown key or a value of the wrong kind raises `ConfigInvalid`, which names the file, the line and the key.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any, get_type_hints

from fenfa.errors import ConfigInvalid

DEV_UPLOAD_TOKEN = "dev-upload-token"  # noqa: S105 - public defaults of the contract, valid on loopback alone
DEV_ADMIN_TOKEN = "dev-admin-token"  # noqa: S105 - as above
_LIST_HEADS = {"FENFA_UPLOAD_TOKEN": "upload_tokens", "FENFA_ADMIN_TOKEN": "admin_tokens"}
NOT_SETTINGS = frozenset({"FENFA_SERVER", "FENFA_TOKEN", "FENFA_FIXTURES", "FENFA_PAGE_CACHE", "FENFA_CONFIG"})


def row(key: str, default: Any, help: str, *, secret: bool = False) -> Any:
    """One setting: its key in config.json, its default and one line of help. Its variable is FENFA_ + its last word, in the
    sections `udid`, `storage`, `s3` and `events` with that word before it. `secret`: no page may show its value."""
    section, _, name = key.rpartition(".")
    variable = "FENFA_" + (f"{section}_{name}" if section in ("udid", "storage", "s3", "events") else name).upper()
    return field(default=default, metadata={"key": key, "help": help, "variable": variable, "secret": secret})


@dataclass(frozen=True)
class Config:
    """All boot settings, checked. `given` names the fields that the file or the environment set."""

    host: str = row("server.host", "127.0.0.1", "address to listen on; 0.0.0.0 for every one of this machine's")
    port: int = row("server.port", 8000, "port to listen on")
    primary_domain: str = row(
        "server.primary_domain", "http://localhost:8000", "base of every link, e.g. https://get.example.com"
    )
    secondary_domains: tuple[str, ...] = row(
        "server.secondary_domains", (), "further domains; downloads use the first one"
    )
    organization: str = row("server.organization", "Fenfa Distribution", "your organisation's name, as people see it")
    search_engines: bool = row(
        "server.search_engines", False, "let search engines list the product pages of what is published"
    )
    bundle_id_prefix: str = row(
        "server.bundle_id_prefix", "", "prefix of the profile identifiers that devices are shown"
    )
    data_dir: str = row("server.data_dir", "data", "folder of everything that Fenfa stores")
    db_path: str = row("server.db_path", "data/fenfa.db", "the SQLite file; fenfa.db in data_dir unless set")
    database_url: str = row(
        "server.database_url", "", "PostgreSQL instead of SQLite: postgresql://user:password@host/name", secret=True
    )
    dev_proxy_front: str = row("server.dev_proxy_front", "", "accepted for the Go version's sake and ignored")
    dev_proxy_admin: str = row("server.dev_proxy_admin", "", "accepted for the Go version's sake and ignored")
    trusted_proxies: tuple[str, ...] = row(
        "server.trusted_proxies", ("127.0.0.1", "::1"), "proxies whose X-Forwarded-For and X-Forwarded-Proto count"
    )
    apple_url: str = row(
        "server.apple_url", "https://api.appstoreconnect.apple.com", "App Store Connect; another one for tests alone"
    )
    accel_prefix: str = row(
        "server.accel_prefix",
        "",
        "internal location of an nginx in trusted_proxies that sends downloads by itself (X-Accel-Redirect), e.g. /_fenfa",
    )
    metrics: tuple[str, ...] = row(
        "server.metrics",
        ("127.0.0.1", "::1"),
        "addresses and networks that may read /metrics without a token; admin tokens may from anywhere; off: nobody",
    )
    access_log: bool = row("server.access_log", True, "log a line for every request")
    upload_tokens: tuple[str, ...] = row(
        "auth.upload_tokens", (DEV_UPLOAD_TOKEN,), "tokens of scope upload", secret=True
    )
    admin_tokens: tuple[str, ...] = row("auth.admin_tokens", (DEV_ADMIN_TOKEN,), "tokens of scope admin", secret=True)
    secret_key: str = row(
        "auth.secret_key",
        "",
        "64 hexadecimal digits in place of data/secret.key, the same for every server of one database",
        secret=True,
    )
    max_upload_bytes: int = row("limits.max_upload_bytes", 8 * 1024**3, "largest file that is taken, in bytes")
    min_free_bytes: int = row(
        "limits.min_free_bytes", -1, "free space that uploads leave; -1: 5 % of the disk, at most 2 GiB"
    )
    events_per_minute: int = row(
        "limits.events_per_minute", 60, "visits and clicks that one address may report in a minute, to each worker"
    )
    udid_calls_per_minute: int = row(
        "limits.udid_calls_per_minute", 10, "profiles asked for, and replies sent, by one address in a minute"
    )
    udid_verify: str = row(
        "udid.verify",
        "record",
        "record: replies that Apple does not vouch for count as unverified; enforce: they are refused",
    )
    udid_minutes: int = row("udid.minutes", 10, "how long a device may take to answer a profile")
    udid_ask_name: bool = row("udid.ask_name", False, "ask devices for their owner's name of them, too")
    udid_sign_cert: str = row(
        "udid.sign_cert", "", "PEM file of a certificate and those that lead to its root; signs profiles"
    )
    udid_sign_key: str = row("udid.sign_key", "", "PEM file of that certificate's key, without a password")
    udid_save_replies: str = row(
        "udid.save_replies", "", "folder to keep replies in for `fenfa udid inspect`; they hold personal data"
    )
    storage_type: str = row(
        "storage.type", "local", "where new builds lie: local (the disk of data_dir) or s3 (a bucket)"
    )
    s3_endpoint: str = row("s3.endpoint", "", "the object store, e.g. https://s3.example.com; empty: AWS")
    s3_bucket: str = row(
        "s3.bucket", "", "the bucket; gs://name for Google Cloud Storage, az://name for an Azure container"
    )
    s3_region: str = row("s3.region", "", "its region; us-east-1 unless set")
    s3_access_key: str = row("s3.access_key", "", "the access key; for Azure the account's name", secret=True)
    s3_secret_key: str = row(
        "s3.secret_key",
        "",
        "its secret; for Google the JSON of a service account, for Azure the account's key",
        secret=True,
    )
    s3_public_url: str = row(
        "s3.public_url", "", "where everybody may fetch the bucket's objects, e.g. a CDN; empty: signed links"
    )
    proxy_downloads: bool = row(
        "server.proxy_downloads",
        False,
        "send objects of a bucket through this server, for clients that cannot reach it",
    )
    udid_keep_days: int = row(
        "udid.keep_days",
        365,
        "devices that nobody used for so many days, and that no Apple team lists, are erased; 0: never",
    )
    events_keep_days: int = row(
        "events.keep_days",
        180,
        "visits, clicks and downloads are removed after so many days, their sums are kept; 0: never",
    )
    given: frozenset[str] = frozenset()

    @property
    def database_file(self) -> Path:
        return Path(self.db_path) if "db_path" in self.given else Path(self.data_dir) / "fenfa.db"

    @property
    def has_own_tokens(self) -> bool:
        return bool(self.given & {"upload_tokens", "admin_tokens"})


def setting_rows() -> tuple[Field[Any], ...]:
    return tuple(f for f in fields(Config) if f.metadata)


def load_config(path: Path | None, environ: Mapping[str, str]) -> Config:
    """`path` None: `config.json` in the working directory, if there. A path that was named must exist."""
    values = _from_file(path or Path("config.json"), required=path is not None)
    values |= _from_environment(environ, values)
    return replace(Config(), **values, given=frozenset(values))


def ignored_settings(config: Config) -> list[str]:
    return [name for name in ("dev_proxy_front", "dev_proxy_admin") if getattr(config, name)]


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    known = {f.metadata["variable"] for f in setting_rows()} | set(_LIST_HEADS) | NOT_SETTINGS
    return sorted(name for name in environ if name.startswith("FENFA_") and name not in known)


def _from_environment(environ: Mapping[str, str], file_values: Mapping[str, Any]) -> dict[str, Any]:
    values = {
        f.name: _parsed(f, environ[name], f"environment variable {name}")
        for f in setting_rows()
        if (name := f.metadata["variable"]) in environ
    }
    for name, target in _LIST_HEADS.items():
        if environ.get(name):
            rest = values.get(target, file_values.get(target, ()))[1:]
            values[target] = (environ[name], *rest)
    return values


def _from_file(path: Path, *, required: bool) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        if required:
            raise ConfigInvalid(f"{path}: no such file; give another one to --config") from None
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigInvalid(f"{path}: cannot be read ({type(error).__name__}); it must be a UTF-8 text file") from None
    return _File(path, text).values()


class _File:
    """One config.json; knows in which line a key stands."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self.text = path, text

    def values(self) -> dict[str, Any]:
        known = {f.metadata["key"]: f for f in setting_rows()}
        sections = {key.partition(".")[0] for key in known}
        found: dict[str, Any] = {}
        for section, content in self._parsed_json().items():
            if section not in sections:
                raise self._error(section, "", f"unknown key {section!r}; known: {', '.join(sorted(sections))}")
            if not isinstance(content, dict):
                raise self._error(section, "", f"{section!r} must be an object")
            for key, value in content.items():
                if f"{section}.{key}" not in known:
                    names = sorted(k.partition(".")[2] for k in known if k.startswith(section + "."))
                    raise self._error(section, key, f"unknown key '{section}.{key}'; known: {', '.join(names)}")
                setting = known[f"{section}.{key}"]
                found[setting.name] = _parsed(setting, value, self._place(section, key))
        return found

    def _parsed_json(self) -> dict[str, Any]:
        try:
            parsed = json.loads(self.text, object_pairs_hook=self._unique)
        except json.JSONDecodeError as error:
            raise ConfigInvalid(f"{self.path}:{error.lineno}: not valid JSON: {error.msg.lower()}") from None
        except RecursionError:
            raise ConfigInvalid(f"{self.path}:1: nested too deeply") from None
        if not isinstance(parsed, dict):
            raise ConfigInvalid(f"{self.path}:1: must hold a JSON object, e.g. {{}}")
        return parsed

    def _unique(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for key, value in pairs:
            if key in seen:
                line = self._line(list(re.finditer(re.escape(json.dumps(key)) + r"\s*:", self.text))[-1].start())
                raise ConfigInvalid(f"{self.path}:{line}: key {key!r} stands twice")
            seen[key] = value
        return seen

    def _place(self, section: str, key: str) -> str:
        start = self._find(section, 0)
        line = self._line(self._find(key, start) if key else start)
        return f"{self.path}:{line}: {section}.{key}" if key else f"{self.path}:{line}"

    def _error(self, section: str, key: str, message: str) -> ConfigInvalid:
        return ConfigInvalid(f"{self._place(section, key).split(': ')[0]}: {message}")

    def _find(self, key: str, start: int) -> int:
        match = re.compile(r'"' + re.escape(key) + r'"\s*:').search(self.text, start)
        return match.start() if match else start

    def _line(self, offset: int) -> int:
        return self.text.count("\n", 0, offset) + 1


_HINTS = get_type_hints(Config)


def _parsed(setting: Field[Any], value: Any, place: str) -> Any:
    kind = _HINTS[setting.name]
    try:
        parsed = _converted(kind, value)
        _checked(setting.name, parsed)
    except ValueError as error:
        raise ConfigInvalid(f"{place}: {error}") from None
    return parsed


def _converted(kind: Any, value: Any) -> Any:
    if kind is bool:
        return _boolean(value)
    if kind is int:
        return _integer(value)
    if kind is str:
        if not isinstance(value, str):
            raise ValueError("must be a string")
        return value
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise ValueError("must be a list of strings")
    return tuple(value)


def _boolean(value: Any) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise ValueError("must be true or false")


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("must be a whole number")
    if isinstance(value, str) and not re.fullmatch(r"-?\d{1,18}", value):
        raise ValueError("must be a whole number")
    return int(value)


def _checked(name: str, value: Any) -> None:
    if name == "port" and not 0 <= value <= 65535:
        raise ValueError("must be a port, 0 to 65535")
    if name in ("max_upload_bytes", "events_per_minute", "udid_calls_per_minute") and value < 1:
        raise ValueError("must be at least 1")
    if name == "udid_minutes" and not 1 <= value <= 24 * 60:
        raise ValueError("must be 1 to 1440")
    if name in ("udid_keep_days", "events_keep_days") and not 0 <= value <= 36_500:
        raise ValueError("must be 0 to 36500")
    if name == "udid_verify" and value not in ("record", "enforce"):
        raise ValueError("must be record or enforce")
    if name == "accel_prefix" and value and not re.fullmatch(r"(/[A-Za-z0-9._-]+)+/?", value):
        raise ValueError("must be a path such as /_fenfa")
    if name == "metrics" and value != ("off",) and not all(map(_is_network, value)):
        raise ValueError("must be addresses and networks such as 10.0.0.0/8, or off")
    if name == "storage_type" and value not in ("local", "s3"):
        raise ValueError("must be local or s3")
    if name in ("data_dir", "db_path", "host") and not value:
        raise ValueError("must not be empty")
    if name == "primary_domain" and value and not re.fullmatch(r"https?://[^/\s?#@]+/?", value):
        raise ValueError("must be a URL such as https://get.example.com, without a path")
    if name == "apple_url" and not re.fullmatch(r"https://[^/\s?#@]+|http://(localhost|127\.0\.0\.1)(:\d+)?", value):
        raise ValueError("must be an https URL without a path; http for this machine itself alone")
    if name == "secret_key" and not re.fullmatch(r"([0-9a-fA-F]{64}[,\s]*)*", value):
        raise ValueError("must be 64 hexadecimal digits; several, the newest last, with commas between them")
    if name in ("upload_tokens", "admin_tokens") and any(not token for token in value):
        raise ValueError("must not hold an empty token")


def _is_network(text: str) -> bool:
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def process_config(path: Path | None = None) -> Config:
    return load_config(path, os.environ)
