"""One at a time, over all threads and processes that share a database.

On SQLite by a lock on a file beside it, on PostgreSQL by an advisory lock: either is free again the moment its holder dies.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Lock

from sqlalchemy import Connection, text

from fenfa.db.engine import Database
from fenfa.errors import Unavailable

_OURS: dict[tuple[str, str], Lock] = {}
"""Of this process, so that of its threads one at a time waits for other processes."""


@contextmanager
def alone(database: Database, name: str, patience: float = 60.0) -> Iterator[None]:
    """Blocks until nobody else is inside under this name; `Unavailable` when that takes longer than `patience` seconds."""
    lock = _OURS.setdefault((str(database.engine.url), name), Lock())
    if not lock.acquire(timeout=patience):
        raise Unavailable("the server is busy with the same thing; try again in a moment")
    try:
        with _file_lock(database.file, name) if database.file else _advisory_lock(database, name):
            yield
    finally:
        lock.release()


def one_by_one(connection: Connection, name: str) -> None:
    """Until this transaction ends, no other goes past this line under this name: what it looks up next stays true."""
    if connection.dialect.name == "postgresql":  # SQLite has one writer
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _key(name)})


@contextmanager
def _file_lock(database: Path, name: str) -> Iterator[None]:
    fd = os.open(database.with_name(f"{database.name}-{name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


@contextmanager
def _advisory_lock(database: Database, name: str) -> Iterator[None]:
    with database.reading() as connection:
        one_by_one(connection, name)
        yield


def _key(name: str) -> int:
    return int.from_bytes(sha256(name.encode()).digest()[:8], "big", signed=True)
