"""Verification: does every release still have exactly the bytes that were acknowledged?"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, select

from fenfa.db.engine import Database
from fenfa.db.tables import releases, uploads
from fenfa.errors import NotFound
from fenfa.services.records import Record, fetch_all
from fenfa.services.stores import Stores
from fenfa.storage.base import Storage, pieces, release_of
from fenfa.storage.local import file_sha256
from fenfa.vocabulary import UploadState


@dataclass(frozen=True)
class Finding:
    """One release or file. `state`: ok, missing, corrupt, or orphan (a file without a release)."""

    state: str
    release_id: str
    key: str
    size_bytes: int


def verify(database: Database, stores: Stores, release_id: str | None = None) -> Iterator[Finding]:
    """Hashes the file of every release, or of one, and then lists files without a release. Blocks."""
    for row in database.read_now(_stored, release_id):
        state = _state(stores.of(row["storage"]), row)
        if state == "ok" or database.read_now(_stored, row["id"]):  # else it was deleted in the meantime
            yield Finding(state, row["id"], row["storage_key"], row["size_bytes"])
    if release_id is None:
        for store in stores.every():
            yield from _orphans(database, store)


def stored_sha256(store: Storage, key: str, size: int) -> str:
    """The hash of what the store has; empty where it is not `size` bytes, `NotFound` without any. Blocks."""
    path = store.path(key)
    if path is not None and not path.is_file():
        raise NotFound("the stored file is missing")
    if path is not None:
        return file_sha256(path) if path.stat().st_size == size else ""
    digest = hashlib.sha256()
    for piece in pieces(store, key, 0, size):
        digest.update(piece)
    return "" if store.read(key, size, 1) else digest.hexdigest()


def _orphans(database: Database, storage: Storage) -> Iterator[Finding]:
    found = list(storage.objects())  # before the rows are read: a release that comes later is not listed here
    owned = database.read_now(_owned, storage.name)
    for stored in found:
        if release_of(stored.key) not in owned:
            yield Finding("orphan", release_of(stored.key), stored.key, stored.size)


def _owned(connection: Connection, store: str) -> set[str]:
    """The releases of the store, and those that uploads are about to become."""
    coming = select(uploads.c.release_id).where(uploads.c.state.in_((UploadState.EXPECTED, UploadState.RECEIVED)))
    return {*connection.scalars(select(releases.c.id).where(releases.c.storage == store)), *connection.scalars(coming)}


def _state(store: Storage, row: Record) -> str:
    try:
        found = stored_sha256(store, row["storage_key"], row["size_bytes"])
    except NotFound:
        return "missing"
    return "ok" if found == row["sha256"] else "corrupt"


def _stored(connection: Connection, release_id: str | None) -> list[Record]:
    columns = (releases.c.id, releases.c.storage, releases.c.storage_key, releases.c.size_bytes, releases.c.sha256)
    query = select(*columns).order_by(releases.c.seq)
    return fetch_all(connection, query.where(releases.c.id == release_id) if release_id else query)
