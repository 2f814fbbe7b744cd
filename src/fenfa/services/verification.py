"""Verification: does every release still have exactly the bytes that were acknowledged?"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select

from fenfa.db.engine import Database
from fenfa.db.tables import releases, uploads
from fenfa.services.records import Record, fetch_all
from fenfa.storage.base import Storage, release_of
from fenfa.storage.local import file_sha256
from fenfa.vocabulary import UploadState


@dataclass(frozen=True)
class Finding:
    """One release or file. `state`: ok, missing, corrupt, or orphan (a file without a release)."""

    state: str
    release_id: str
    key: str
    size_bytes: int


def verify(database: Database, storage: Storage, release_id: str | None = None) -> Iterator[Finding]:
    """Hashes the file of every release, or of one, and then lists files without a release. Blocks."""
    for row in database.read_now(_stored, release_id):
        state = _state(storage.path, row)
        if state == "ok" or database.read_now(_stored, row["id"]):  # else it was deleted in the meantime
            yield Finding(state, row["id"], row["storage_key"], row["size_bytes"])
    if release_id is None:
        yield from _orphans(database, storage)


def _orphans(database: Database, storage: Storage) -> Iterator[Finding]:
    found = list(storage.objects())  # before the rows are read: a release that comes later is not listed here
    owned = database.read_now(_owned)
    for stored in found:
        if release_of(stored.key) not in owned:
            yield Finding("orphan", release_of(stored.key), stored.key, stored.size)


def _owned(connection: Connection) -> set[str]:
    """The releases, and those that uploads are about to become."""
    coming = select(uploads.c.release_id).where(uploads.c.state == UploadState.RECEIVED)
    return {*connection.scalars(select(releases.c.id)), *connection.scalars(coming)}


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
