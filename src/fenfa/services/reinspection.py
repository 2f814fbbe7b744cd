"""Reading stored packages again, after Fenfa has learned to read more of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select, update

from fenfa.db.tables import releases, variants
from fenfa.errors import BadPackage, NotFound
from fenfa.services.icons import set_icon
from fenfa.services.packages import build_number, stored_form
from fenfa.services.products import get_product, touch
from fenfa.services.records import Record, fetch_all, stamp
from fenfa.services.texts import one_line
from fenfa.services.uploads import Bench
from fenfa.storage.base import Placed


@dataclass(frozen=True)
class Reinspected:
    """One release; `problem` is empty when its package was read."""

    release_id: str
    file_name: str
    problem: str


def reinspect(bench: Bench, release_id: str | None = None) -> Iterator[Reinspected]:
    """Every release, or one, oldest first. Fills what was empty and never changes what was given. Blocks."""
    for release in bench.database.read_now(_stored, release_id):
        yield Reinspected(release["id"], release["file_name"], _read_again(bench, release))


def _read_again(bench: Bench, release: Record) -> str:
    try:
        package = bench.inspect(_file_of(bench, release), release["file_name"])
    except NotFound:
        return "its file is missing; `fenfa verify` tells more"
    except BadPackage as error:
        return error.message
    values: Record = {"package": stored_form(package)}
    found = {
        "version": one_line(package.version),
        "min_os": one_line(package.min_os),
        "build": build_number(package.build),
    }
    values |= {name: value for name, value in found.items() if value and not release[name]}
    bench.database.write_now(_save, stamp(bench.clock()), release, values, package.icon_png)
    return ""


def _file_of(bench: Bench, release: Record) -> Path | Placed:
    """Where it lies, `NotFound` if it does not; of an object only what its reader needs is fetched."""
    store, key = bench.storage.of(release["storage"]), release["storage_key"]
    path = store.path(key)
    if path is not None and not path.is_file():
        raise NotFound("the stored file is missing")
    if path is None:
        store.read(key, 0, 1)
    return path or Placed(store, key, release["size_bytes"])


def _save(connection: Connection, now: str, release: Record, values: Record, icon_png: bytes | None) -> None:
    connection.execute(update(releases).where(releases.c.id == release["id"]).values(values | {"updated_at": now}))
    if icon_png and get_product(connection, release["product_id"])["icon_sha256"] is None:
        set_icon(connection, now, release["product_id"], icon_png)
    touch(connection, release["product_id"])


def _stored(connection: Connection, release_id: str | None) -> list[Record]:
    query = select(releases, variants.c.product_id).join(variants, variants.c.id == releases.c.variant_id)
    query = query.order_by(releases.c.seq)
    return fetch_all(connection, query.where(releases.c.id == release_id) if release_id else query)
