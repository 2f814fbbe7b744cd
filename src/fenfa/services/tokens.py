"""Tokens: who may call, how their secrets are kept, and how guessing is slowed down.

A token reads `fnf_{scope letters}_{id}_{secret}{checksum}`: the secret is 256 random bits in base64url, the checksum a CRC-32 that
refuses typing errors before the database is asked. Only an HMAC of the secret is stored, so a stolen database lets nobody in.
"""

import base64
import hashlib
import hmac
import ipaddress
import secrets
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from fenfa.db.tables import auth_failures, sessions, tokens
from fenfa.db.upserts import insert_missing
from fenfa.errors import BadInput, NotFound, RateLimited, Unauthenticated
from fenfa.services.records import Listed, Page, Record, fetch_one, fetch_page, stamp
from fenfa.services.sessions import CONSOLE
from fenfa.vocabulary import Scope, new_id

_KINDS = {Scope.UPLOAD: "upl", Scope.ADMIN: "adm", Scope.FEED: "fed"}
_WINDOW_SECONDS = 300
_MAX_FAILURES = 10
_MAX_FAILURES_OF_ALL = 1000
_EVERYONE = "*"
_SEEN_STEP = timedelta(minutes=1)
_COLUMNS = ("id", "name", "scope", "created_at", "expires_at", "last_used_at", "revoked_at")
_TOLD = select(*(tokens.c[name] for name in _COLUMNS))
REFUSED = "invalid or missing auth token"


@dataclass(frozen=True)
class Identity:
    """Whoever holds a valid token. `id` is the token's ID, or a word for tokens of the configuration."""

    id: str
    scope: Scope

    def may(self, scope: Scope) -> bool:
        return self.scope in (scope, Scope.ADMIN)


@dataclass(frozen=True)
class ConfigToken:
    """A token of config.json or the environment. `is_default`: one of the two public defaults, for loopback alone."""

    value: str
    scope: Scope
    is_default: bool = False


def create_token(
    connection: Connection, now: datetime, pepper: bytes, name: str, scope: Scope, expires_at: datetime | None
) -> tuple[Record, str]:
    """The stored record and the secret text, which is shown this once."""
    token_id = new_id("tok")
    secret = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    expiry = stamp(expires_at) if expires_at else None
    row: Record = {"id": token_id, "name": name, "scope": scope, "created_at": stamp(now), "expires_at": expiry}
    connection.execute(insert(tokens).values(row | {"secret_mac": _mac(pepper, secret)}))
    return {**row, "last_used_at": None, "revoked_at": None}, _written(scope, token_id, secret)


def list_tokens(connection: Connection, page: Page) -> Listed:
    return fetch_page(connection, _TOLD.order_by(tokens.c.seq.desc()), page)


def get_token(connection: Connection, token_id: str) -> Record:
    """Without anything of its secret."""
    return fetch_one(connection, _TOLD.where(tokens.c.id == token_id), "token not found")


def revoke_token(connection: Connection, now: datetime, token_id: str) -> None:
    """Takes effect with the next request of every process, and ends the logins made with it; twice is harmless."""
    if connection.scalar(select(tokens.c.id).where(tokens.c.id == token_id)) is None:
        raise NotFound("token not found")
    mine = (tokens.c.id == token_id, tokens.c.revoked_at.is_(None))
    connection.execute(update(tokens).where(*mine).values(revoked_at=stamp(now)))
    connection.execute(delete(sessions).where(sessions.c.token_id == token_id))


def has_tokens(connection: Connection) -> bool:
    return connection.scalar(select(func.count()).select_from(tokens)) != 0


def identify(connection: Connection, now: datetime, pepper: bytes, text: str, known: Iterable[ConfigToken]) -> Identity:
    """The holder of the token; `Unauthenticated` for an unknown, revoked or expired one."""
    found = _in_config(text, known) or _in_database(connection, now, pepper, text)
    if found is None:
        raise Unauthenticated(REFUSED)
    return found


def identify_by_id(connection: Connection, now: datetime, token_id: str, known: Iterable[ConfigToken]) -> Identity:
    """The holder of a session that was opened with this token, if the token is still good; or the machine's console."""
    if token_id == CONSOLE:
        return Identity(CONSOLE, Scope.ADMIN)
    for token in known:
        if config_id(token) == token_id:
            return Identity(token_id, token.scope)
    row = connection.execute(select(tokens).where(tokens.c.id == token_id)).mappings().first()
    if row is None or not _is_live(dict(row), now):
        raise Unauthenticated(REFUSED)
    return Identity(token_id, Scope(row["scope"]))


def config_id(token: ConfigToken) -> str:
    """A name for a configured token that does not give it away."""
    return f"config-{token.scope}-{hashlib.sha256(token.value.encode(errors='replace')).hexdigest()[:8]}"


def _in_config(text: str, known: Iterable[ConfigToken]) -> Identity | None:
    found = None
    for token in known:  # all of them, so that the time taken does not tell which one was near
        if hmac.compare_digest(_digest(token.value), _digest(text)):
            found = Identity(config_id(token), token.scope)
    return found


def _in_database(connection: Connection, now: datetime, pepper: bytes, text: str) -> Identity | None:
    parts = _parts(text)
    if parts is None:
        return None
    token_id, secret = parts
    row = connection.execute(select(tokens).where(tokens.c.id == token_id)).mappings().first()
    stored = row["secret_mac"] if row else _mac(pepper, "nobody")
    if not hmac.compare_digest(stored, _mac(pepper, secret)) or row is None or not _is_live(dict(row), now):
        return None
    return Identity(token_id, Scope(row["scope"]))


def _is_live(row: Record, now: datetime) -> bool:
    return row["revoked_at"] is None and (row["expires_at"] is None or row["expires_at"] > stamp(now))


def note_use(connection: Connection, now: datetime, token_id: str) -> None:
    """Remembers when the token was last used, to the minute: a write for every request would be waste."""
    stale = or_(tokens.c.last_used_at.is_(None), tokens.c.last_used_at < stamp(now - _SEEN_STEP))
    connection.execute(update(tokens).where(tokens.c.id == token_id, stale).values(last_used_at=stamp(now)))


def check_throttle(connection: Connection, now: datetime, address: str) -> None:
    """`RateLimited` while too many wrong tokens came from this network, or from everywhere and some of them from here: nobody
    is locked out by what others do."""
    started = int(now.timestamp()) - _WINDOW_SECONDS
    own = source_of(address)
    sources = {own: _MAX_FAILURES, _EVERYONE: _MAX_FAILURES_OF_ALL}
    query = select(auth_failures).where(auth_failures.c.source.in_(sources), auth_failures.c.window_started > started)
    found = {row["source"]: row for row in connection.execute(query).mappings()}
    for source, row in found.items():
        if own in found and row["failures"] >= sources[source]:
            wait = row["window_started"] - started
            raise RateLimited("too many wrong tokens; try again in {wait} seconds", retry_after=wait, wait=wait)


def note_failure(connection: Connection, now: datetime, address: str) -> None:
    moment = int(now.timestamp())
    connection.execute(delete(auth_failures).where(auth_failures.c.window_started <= moment - _WINDOW_SECONDS))
    sources = (source_of(address), _EVERYONE)
    rows = [{"source": source, "window_started": moment, "failures": 0} for source in sources]
    insert_missing(connection, auth_failures, rows)
    mine = update(auth_failures).where(auth_failures.c.source.in_(sources))
    connection.execute(mine.values(failures=auth_failures.c.failures + 1))


def parse_expiry(text: str | None, now: datetime) -> datetime | None:
    """`90d`, `12h`, `never` or an RFC 3339 time; None and `never`: no expiry."""
    if text is None or text == "never":
        return None
    units = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
    try:
        moment = now + int(text[:-1]) * units[text[-1:]] if text[-1:] in units else datetime.fromisoformat(text)
        lies_ahead = moment.tzinfo is not None and moment.astimezone(UTC) > now
    except (ValueError, OverflowError):
        raise BadInput("expires must be e.g. 90d, 12h, 2027-01-31T00:00:00Z or never") from None
    if not lies_ahead:
        raise BadInput("expires must lie in the future and name its time zone, e.g. 2027-01-31T00:00:00Z")
    return moment


def source_of(address: str) -> str:
    """What counts as one caller: an IPv4 address, or the /64 that IPv6 gives to a household."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    return str(ipaddress.ip_network((parsed, 64), strict=False)) if parsed.version == 6 else str(parsed)


def _written(scope: Scope, token_id: str, secret: str) -> str:
    body = f"fnf_{_KINDS[scope]}_{token_id.partition('_')[2]}_{secret}"
    return body + _checksum(body)


def _parts(text: str) -> tuple[str, str] | None:
    """(ID, secret) of a well-formed token."""
    body, checksum = text[:-8], text[-8:]
    pieces = body.split("_", 3)
    if len(pieces) != 4 or pieces[0] != "fnf" or _checksum(body) != checksum:
        return None
    return f"tok_{pieces[2]}", pieces[3]


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode(errors='replace')):08x}"


def _mac(pepper: bytes, secret: str) -> str:
    return hmac.new(pepper, secret.encode(errors="replace"), hashlib.sha256).hexdigest()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()
