"""How often a network may call what writes for everybody: in a minute, counted over all processes."""

import hashlib
import hmac
from datetime import datetime

from sqlalchemy import Connection, delete, select, update

from fenfa.db.tables import call_counts
from fenfa.db.upserts import insert_missing
from fenfa.errors import RateLimited
from fenfa.services.tokens import source_of
from fenfa.services.vault import Keys

_WINDOW = 60


def count_call(connection: Connection, now: datetime, keys: Keys, what: str, address: str, limit: int) -> None:
    """`RateLimited` beyond `limit` calls of `what` a minute from this IPv4 address or IPv6 /64. Stored is a keyed hash of it."""
    moment = int(now.timestamp())
    forget_old(connection, now)
    caller = f"{what} {hmac.new(keys.visitors, source_of(address).encode(), hashlib.sha256).hexdigest()}"
    insert_missing(connection, call_counts, [{"caller": caller, "window_started": moment, "calls": 0}])
    mine = update(call_counts).where(call_counts.c.caller == caller)
    if connection.execute(mine.where(call_counts.c.calls < limit).values(calls=call_counts.c.calls + 1)).rowcount:
        return
    started = connection.scalar(select(call_counts.c.window_started).where(call_counts.c.caller == caller)) or moment
    wait = max(started + _WINDOW - moment, 1)
    raise RateLimited("too many requests; try again in {wait} seconds", wait=wait, retry_after=wait)


def forget_old(connection: Connection, now: datetime) -> None:
    connection.execute(delete(call_counts).where(call_counts.c.window_started <= int(now.timestamp()) - _WINDOW))
