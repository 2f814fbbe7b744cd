"""Verification: does every release still have exactly the bytes that were acknowledged?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select

from fenfa.db.engine import Database
from fenfa.db.tables import releases
from fenfa.services.records import Record, fetch_all
from fenfa.storage.base import Storage, release_of
from fenfa.storage.local import file_sha256


@dataclass(frozen=True)
class Finding:
    """One release or file. `state`: ok, missing, corrupt, or orphan (a file without a release)."""

    state: str
    release_id: str
    key: str
    size_bytes: int


def verify(database: Database, storage: Storage, release_id: str | None = None) -> Iterator[Finding]:
    """Hashes the file of every release, or of one, and then lists files without a release. Blocks."""
    rows = database.read_now(_stored, release_id)
    for row in rows:
        yield Finding(_state(storage.path, row), row["id"], row["storage_key"], row["size_bytes"])
    if release_id is None:
        known = {row["id"] for row in rows} | {row["id"] for row in database.read_now(_stored, None)}
        for stored in storage.objects():
            if release_of(stored.key) not in known:
                yield Finding("orphan", release_of(stored.key), stored.key, stored.size)


def _state(locate: Callable[[str], Path | None], row: Record) -> str:
    path = locate(row["storage_key"])
    if path is None or not path.is_file():
        return "missing"
    intact = path.stat().st_size == row["size_bytes"] and file_sha256(path) == row["sha256"]
    return "ok" if intact else "corrupt"


def _stored(connection: Connection, release_id: str | None) -> list[Record]:
    columns = (releases.c.id, releases.c.storage_key, releases.c.size_bytes, releases.c.sha256)
    query = select(*columns).order_by(releases.c.seq)
    return fetch_all(connection, query.where(releases.c.id == release_id) if release_id else query)
