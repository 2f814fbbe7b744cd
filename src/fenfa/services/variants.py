"""Variants: a product on one platform."""

from typing import Any

from sqlalchemy import Connection, Select, delete, exists, insert, select, update

from fenfa.db.tables import products, releases, variants
from fenfa.errors import Conflict
from fenfa.services.products import get_product, touch
from fenfa.services.records import Listed, Page, Record, changed, fetch_all, fetch_one, fetch_page
from fenfa.services.visibility import Viewer, require_visible
from fenfa.vocabulary import Platform, new_id

_MISSING = "variant not found"
_NO_APP = "app not found"


def list_variants(connection: Connection, product_id: str, *, published_only: bool = False) -> list[Record]:
    """By `sort_order`, then age."""
    query = select(variants).where(variants.c.product_id == product_id)
    if published_only:
        query = query.where(variants.c.published)
    return fetch_all(connection, query.order_by(variants.c.sort_order, variants.c.seq))


def get_variant(connection: Connection, variant_id: str) -> Record:
    """The variant with `product_name`, `product_slug` and `product_published`."""
    return fetch_one(connection, _with_product().where(variants.c.id == variant_id), _MISSING)


def find_variant(connection: Connection, any_id: str) -> Record:
    """By `var_` or legacy `app_` ID."""
    column = variants.c.app_id if any_id.startswith("app_") else variants.c.id
    missing = _NO_APP if any_id.startswith("app_") else _MISSING
    return fetch_one(connection, _with_product().where(column == any_id), missing)


def find_app(connection: Connection, app_id: str, viewer: Viewer) -> Record:
    """The variant with this legacy ID, with its product's `product_…`, if the viewer may know of it."""
    found = fetch_one(connection, _with_product().where(variants.c.app_id == app_id), _NO_APP)
    return require_visible(found, viewer, _NO_APP)


def list_all_variants(connection: Connection, page: Page, platform: Platform | None = None) -> Listed:
    """Every variant with its product's name, newest first."""
    query = _with_product().order_by(variants.c.seq.desc())
    return fetch_page(connection, query.where(variants.c.platform == platform) if platform else query, page)


def match_variants(connection: Connection, platform: str, identifier: str) -> list[Record]:
    """The variants that a package of this platform and identifier belongs to, oldest first."""
    query = _with_product().where(variants.c.platform == platform, variants.c.identifier == identifier)
    return fetch_all(connection, query.order_by(variants.c.seq))


def create_variant(connection: Connection, now: str, product_id: str, values: dict[str, Any]) -> str:
    """`values`: platform, and perhaps the other columns. Gives the new ID."""
    get_product(connection, product_id)
    variant_id = new_id("var")
    row = {"id": variant_id, "app_id": legacy_app_id(variant_id), "product_id": product_id, "created_at": now}
    connection.execute(insert(variants).values(row | changed(variants, values, now)))
    touch(connection, product_id)
    return variant_id


def legacy_app_id(variant_id: str) -> str:
    return "app_" + variant_id.partition("_")[2]


def update_variant(connection: Connection, now: str, variant_id: str, values: dict[str, Any]) -> None:
    variant = get_variant(connection, variant_id)
    if values.get("platform", variant["platform"]) != variant["platform"] and _has_releases(connection, variant_id):
        advice = "this variant has releases for {platform}; make another variant for the new platform"
        raise Conflict(advice, platform=variant["platform"])
    connection.execute(update(variants).where(variants.c.id == variant_id).values(changed(variants, values, now)))
    touch(connection, variant["product_id"])


def shift_variant(connection: Connection, now: str, variant_id: str, steps: int) -> None:
    """Moves the variant so many places down (up, if negative) among those of its product."""
    product_id = get_variant(connection, variant_id)["product_id"]
    order = [variant["id"] for variant in list_variants(connection, product_id)]
    place = order.index(variant_id)
    order.insert(max(0, place + steps), order.pop(place))
    for number, one in enumerate(order):
        values = changed(variants, {"sort_order": number}, now)
        moved = (variants.c.id == one, variants.c.sort_order != number)
        connection.execute(update(variants).where(*moved).values(values))
    touch(connection, product_id)


def delete_variant(connection: Connection, variant_id: str) -> list[tuple[str, str]]:
    """Removes the variant and its releases; gives (storage, key) of the files that are now nobody's."""
    variant = get_variant(connection, variant_id)
    keys = select(releases.c.storage, releases.c.storage_key).where(releases.c.variant_id == variant_id)
    keys = keys.with_for_update()  # none of them may be moved to another variant meanwhile
    orphans = [(row[0], row[1]) for row in connection.execute(keys)]
    connection.execute(delete(variants).where(variants.c.id == variant_id))
    touch(connection, variant["product_id"])
    return orphans


def _has_releases(connection: Connection, variant_id: str) -> bool:
    return bool(connection.scalar(select(exists().where(releases.c.variant_id == variant_id))))


def _with_product() -> Select[Any]:
    names = (products.c.name, products.c.slug, products.c.published, products.c.icon_sha256)
    columns = (column.label(f"product_{column.name}") for column in names)
    return select(variants, *columns).join(products, products.c.id == variants.c.product_id)
