"""Admin sessions: a server-side row for each, known by the hash of a random cookie value; and the one-time links that open one.

A link is made by somebody at the machine itself, who could read the database as well, so it stands for no token: its session
belongs to `CONSOLE`.
"""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, delete, func, insert, not_, or_, select, update

from fenfa.db.tables import login_links, sessions
from fenfa.errors import Unauthenticated
from fenfa.services.records import stamp

IDLE = timedelta(hours=8)
LONGEST = timedelta(hours=12)
LINK_LIFE = timedelta(minutes=10)
CONSOLE = "console"


def open_session(connection: Connection, now: datetime, token_id: str, replaced: str = "") -> str:
    """The value of the cookie; stored is its hash alone. `replaced` is the cookie that the browser had: its session ends, so
    that nobody who knows that cookie goes on beside the new login."""
    drop_expired_sessions(connection, now)
    close_session(connection, replaced)
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


def count_sessions(connection: Connection, now: datetime, token_id: str) -> int:
    """How many logins with this token are not over."""
    query = select(func.count()).where(sessions.c.token_id == token_id, not_(_is_over(now)))
    return int(connection.scalar(query) or 0)


def touch_session(connection: Connection, now: datetime, value: str) -> None:
    connection.execute(update(sessions).where(sessions.c.id_mac == _hashed(value)).values(seen_at=stamp(now)))


def close_session(connection: Connection, value: str) -> None:
    connection.execute(delete(sessions).where(sessions.c.id_mac == _hashed(value)))


def make_link(connection: Connection, now: datetime) -> str:
    """The code of a new link, good once and for ten minutes; stored is its hash alone."""
    connection.execute(delete(login_links).where(login_links.c.expires_at <= stamp(now)))
    code = secrets.token_urlsafe(32)
    connection.execute(insert(login_links).values(code_mac=_hashed(code), expires_at=stamp(now + LINK_LIFE)))
    return code


def redeem_link(connection: Connection, now: datetime, code: str, replaced: str = "") -> str:
    """As `open_session`, for the holder of the link; `Unauthenticated` when it was used, is over or unknown."""
    mine = (login_links.c.code_mac == _hashed(code), login_links.c.expires_at > stamp(now))
    if not connection.execute(delete(login_links).where(*mine)).rowcount:
        raise Unauthenticated("this link was used or is over; make a new one with `fenfa login-link`, or use a token")
    return open_session(connection, now, CONSOLE, replaced)


def drop_expired_sessions(connection: Connection, now: datetime) -> None:
    connection.execute(delete(sessions).where(_is_over(now)))


def _is_over(now: datetime) -> ColumnElement[bool]:
    return or_(sessions.c.seen_at < stamp(now - IDLE), sessions.c.created_at < stamp(now - LONGEST))


def _hashed(value: str) -> str:
    return hashlib.sha256(value.encode(errors="replace")).hexdigest()
