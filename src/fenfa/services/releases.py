"""Releases: one build file each."""

import json
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select, update

from fenfa.db.engine import Database
from fenfa.db.tables import products, releases, variants
from fenfa.errors import Conflict, NotFound
from fenfa.services.products import touch
from fenfa.services.records import Listed, Page, Record, changed, fetch_all, fetch_one, fetch_page
from fenfa.services.stores import Stores
from fenfa.services.variants import get_variant
from fenfa.services.visibility import Viewer, require_visible

_MISSING = "release not found"
_META = (
    *("id", "variant_id", "product_id", "platform", "identifier", "version", "build", "channel", "min_os", "changelog"),
    *("file_name", "file_ext", "size_bytes", "sha256", "storage_key", "package", "created_at"),
)

_BRIEF = (
    *(releases.c[name] for name in ("id", "version", "build", "channel", "size_bytes", "download_count", "created_at")),
    *(variants.c[name] for name in ("platform", "arch", "product_id")),
    *(products.c[name].label(f"product_{name}") for name in ("name", "slug", "published", "icon_sha256")),
)


def list_releases(connection: Connection, variant_ids: list[str]) -> list[Record]:
    """Newest first."""
    query = select(releases).where(releases.c.variant_id.in_(variant_ids))
    return fetch_all(connection, query.order_by(releases.c.seq.desc()))


def list_newest_releases(connection: Connection, limit: int) -> list[Record]:
    """Of all products, newest first, with their parents' names and without what the inspector found."""
    query = _with_parents().with_only_columns(*_BRIEF, maintain_column_froms=True)
    return fetch_all(connection, query.order_by(releases.c.seq.desc()).limit(limit))


def list_recent(connection: Connection, variant_id: str, page: Page) -> Listed:
    """The variant's releases, newest first, without what the inspector found in them."""
    columns = [column for column in releases.c if column is not releases.c.package]
    query = select(*columns).where(releases.c.variant_id == variant_id).order_by(releases.c.seq.desc())
    return fetch_page(connection, query, page)


def get_release(connection: Connection, release_id: str) -> Record:
    """The release with its variant's `platform`, `identifier`, `app_id` and its product's fields as `product_…`."""
    return fetch_one(connection, _with_parents().where(releases.c.id == release_id), _MISSING)


def find_visible_release(connection: Connection, release_id: str, viewer: Viewer) -> Record:
    return require_visible(get_release(connection, release_id), viewer, _MISSING)


def find_same_bytes(connection: Connection, storage: str, sha256: str) -> list[str]:
    """The keys of the releases of this store that hold the same bytes."""
    query = select(releases.c.storage_key).where(releases.c.sha256 == sha256, releases.c.storage == storage)
    return list(connection.scalars(query))


def latest_package(connection: Connection, variant_id: str) -> Record | None:
    """What the inspector found in the variant's newest release."""
    query = (
        select(releases.c.package).where(releases.c.variant_id == variant_id).order_by(releases.c.seq.desc()).limit(1)
    )
    return connection.scalar(query)


def previous_release(connection: Connection, release: Record) -> Record | None:
    """The one that came to the same variant before it."""
    query = select(releases).where(releases.c.variant_id == release["variant_id"], releases.c.seq < release["seq"])
    found = fetch_all(connection, query.order_by(releases.c.seq.desc()).limit(1))
    return found[0] if found else None


def insert_release(connection: Connection, product_id: str, row: dict[str, Any]) -> None:
    connection.execute(insert(releases).values(row))
    touch(connection, product_id)


def update_release(connection: Connection, now: str, release_id: str, values: dict[str, Any]) -> Record:
    """Gives the release as it is now."""
    release = get_release(connection, release_id)
    connection.execute(update(releases).where(releases.c.id == release_id).values(changed(releases, values, now)))
    touch(connection, release["product_id"])
    return get_release(connection, release_id)


def move_release(connection: Connection, now: str, release_id: str, variant_id: str) -> Record:
    """Hangs the release on another variant of its platform; gives it as it is now.

    Its file stays where it is: a key is never changed, and what it is made of says only where the release came from. Who
    asks to whom a file belongs asks by the release's ID, which is a part of the key.
    """
    release, target = get_release(connection, release_id), get_variant(connection, variant_id)
    if target["platform"] != release["platform"]:
        raise Conflict(
            "this release is for {platform}; choose a variant of that platform", platform=release["platform"]
        )
    row = changed(releases, {"variant_id": variant_id}, now)
    if not connection.execute(update(releases).where(releases.c.id == release_id).values(row)).rowcount:
        raise NotFound(_MISSING)  # another transaction deleted it meanwhile
    for product_id in {release["product_id"], target["product_id"]}:
        touch(connection, product_id)
    return get_release(connection, release_id)


def delete_release(connection: Connection, release_id: str) -> list[tuple[str, str]]:
    """Removes the row; gives (storage, key) of the file that is now nobody's."""
    release = get_release(connection, release_id)
    connection.execute(delete(releases).where(releases.c.id == release_id))
    touch(connection, release["product_id"])
    return [(release["storage"], release["storage_key"])]


def meta_json(release: Record) -> bytes:
    """What lies beside the file: enough to rebuild the release's row and to know where it belongs."""
    return json.dumps({name: release.get(name) for name in _META}, ensure_ascii=False, indent=1).encode()


def keep_meta(database: Database, stores: Stores, release_id: str) -> None:
    """Brings the `meta.json` of a release that changed up to its row. Blocks.

    Whoever wrote looks at the row once more: so whichever of two changes is written last, the file ends as the row.
    """
    written = None
    while (meta := meta_json(release := database.read_now(get_release, release_id))) != written:
        stores.of(release["storage"]).put_meta(release["storage_key"], meta)
        written = meta


def _with_parents() -> Select[Any]:
    return (
        select(
            releases,
            variants.c.platform,
            variants.c.identifier,
            variants.c.app_id,
            variants.c.product_id,
            variants.c.published.label("variant_published"),
            products.c.name.label("product_name"),
            products.c.slug.label("product_slug"),
            products.c.published.label("product_published"),
            products.c.icon_sha256.label("product_icon_sha256"),
        )
        .join(variants, variants.c.id == releases.c.variant_id)
        .join(products, products.c.id == variants.c.product_id)
    )
