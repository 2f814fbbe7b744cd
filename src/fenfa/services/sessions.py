"""Admin sessions: a server-side row for each, known by the hash of a random cookie value."""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, or_, select, update

from fenfa.db.tables import sessions
from fenfa.errors import Unauthenticated
from fenfa.services.records import stamp

IDLE = timedelta(hours=8)
LONGEST = timedelta(hours=12)


def open_session(connection: Connection, now: datetime, token_id: str) -> str:
    """The value of the cookie; stored is its hash alone."""
    drop_expired_sessions(connection, now)
    value = secrets.token_urlsafe(32)
    row = {"id_mac": _hashed(value), "token_id": token_id, "created_at": stamp(now), "seen_at": stamp(now)}
    connection.execute(insert(sessions).values(row))
    return value


def session_token(connection: Connection, now: datetime, value: str) -> str:
    """The token ID behind the cookie; `Unauthenticated` when the session is unknown or over."""
    row = connection.execute(select(sessions).where(sessions.c.id_mac == _hashed(value))).mappings().first()
    if row is None or row["seen_at"] < stamp(now - IDLE) or row["created_at"] < stamp(now - LONGEST):
        raise Unauthenticated("your session is over; log in again")
    return str(row["token_id"])


def touch_session(connection: Connection, now: datetime, value: str) -> None:
    connection.execute(update(sessions).where(sessions.c.id_mac == _hashed(value)).values(seen_at=stamp(now)))


def close_session(connection: Connection, value: str) -> None:
    connection.execute(delete(sessions).where(sessions.c.id_mac == _hashed(value)))


def drop_expired_sessions(connection: Connection, now: datetime) -> None:
    over = or_(sessions.c.seen_at < stamp(now - IDLE), sessions.c.created_at < stamp(now - LONGEST))
    connection.execute(delete(sessions).where(over))


def _hashed(value: str) -> str:
    return hashlib.sha256(value.encode(errors="replace")).hexdigest()
