"""Moving what is stored from one store to another while everything is served.

For each release: its bytes are copied and read back, its row names the new store, and only then does the old copy go. Whoever is
stopped in between has cost nothing: copying again changes nothing, and a copy that no row names is litter for the sweep.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select, update

from fenfa.db.tables import releases
from fenfa.errors import Conflict, FenfaError, NotFound
from fenfa.services.products import touch
from fenfa.services.records import Record, fetch_all
from fenfa.services.releases import find_same_bytes, get_release, meta_json
from fenfa.services.uploads import Bench
from fenfa.services.verification import stored_sha256
from fenfa.storage.base import Storage, pieces
from fenfa.storage.local import file_sha256
from fenfa.vocabulary import new_id


@dataclass(frozen=True)
class Relocated:
    """One release; `problem` is empty when it lies in the new store now."""

    release_id: str
    key: str
    problem: str


def relocate(bench: Bench, target: Storage) -> Iterator[Relocated]:
    """Every release that lies elsewhere, oldest first. One that cannot be moved stays where it is. Blocks."""
    for row in bench.database.read_now(_elsewhere, target.name):
        problem = ""
        try:
            _relocate(bench, target, bench.database.read_now(get_release, row["id"]))
        except (NotFound, Conflict) as error:  # the others may do better; a store that is down ends it all
            problem = error.message
        yield Relocated(row["id"], row["storage_key"], problem)


def _relocate(bench: Bench, target: Storage, release: Record) -> None:
    key, sha256 = release["storage_key"], release["sha256"]
    with _local_copy(bench, release) as path:
        if file_sha256(path) != sha256:
            raise Conflict("its file is corrupt; `fenfa verify` tells more")
        twins = bench.database.read_now(find_same_bytes, target.name, sha256)
        target.put(path, key, sha256, meta_json(release), twins)
    if stored_sha256(target, key, release["size_bytes"]) != sha256:
        raise Conflict("the new store gives other bytes than it was given")
    if not bench.database.write_now(_switch, release, release["storage"], target.name):
        target.delete(key)  # the release was deleted meanwhile
        return
    _require_kept(bench, target, release)
    bench.storage.of(release["storage"]).delete(key)


@contextmanager
def _local_copy(bench: Bench, release: Record) -> Iterator[Path]:
    """The release's file on this machine: itself, or what was fetched into staging for as long."""
    store, key = bench.storage.of(release["storage"]), release["storage_key"]
    path = store.path(key)
    if path is not None:
        if not path.is_file():
            raise NotFound("the stored file is missing")
        yield path
        return
    staged = bench.staging.create(new_id("upl"), release["size_bytes"])
    try:
        for piece in pieces(store, key, 0, release["size_bytes"]):
            staged.write(piece)
        staged.seal()
        yield staged.path
    finally:
        staged.discard()


def _require_kept(bench: Bench, target: Storage, release: Record) -> None:
    """A sweep may have taken an earlier copy for litter until the row named it: then the row goes back."""
    try:
        target.read(release["storage_key"], 0, 1)
    except FenfaError:
        bench.database.write_now(_switch, release, target.name, release["storage"])
        raise


def _switch(connection: Connection, release: Record, old: str, new: str) -> bool:
    mine = (releases.c.id == release["id"], releases.c.storage == old)
    switched = connection.execute(update(releases).where(*mine).values(storage=new)).rowcount
    touch(connection, release["product_id"])
    return bool(switched)


def _elsewhere(connection: Connection, store: str) -> list[Record]:
    query = select(releases.c.id, releases.c.storage_key).where(releases.c.storage != store)
    return fetch_all(connection, query.order_by(releases.c.seq))
