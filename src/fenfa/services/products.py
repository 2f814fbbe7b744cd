"""Products: the things that have a page."""

from collections.abc import Collection
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Connection, cast, delete, func, insert, or_, select, update

from fenfa.db.alone import one_by_one
from fenfa.db.tables import apple_teams, products, releases, variants
from fenfa.errors import BadInput, Conflict, NotFound
from fenfa.services.records import Listed, Page, Record, changed, contains, fetch_all, fetch_one, fetch_page
from fenfa.services.texts import is_slug, slug_of
from fenfa.vocabulary import Platform, new_id

_OF_PRODUCT = variants.c.product_id == products.c.id
_DOWNLOADS = cast(func.coalesce(func.sum(releases.c.download_count), 0), BigInteger)  # PostgreSQL sums to a decimal
_MISSING = "product not found"


class ProductOrder(StrEnum):
    """How a list of products may be sorted."""

    NEWEST = "newest"
    NAME = "name"
    DOWNLOADS = "downloads"
    LAST_RELEASE = "last_release"


def list_products(
    connection: Connection,
    page: Page,
    q: str = "",
    order: ProductOrder = ProductOrder.NEWEST,
    published: bool | None = None,
) -> Listed:
    """Each with `variant_count`, `release_count`, `download_count`, `last_release_at` (None: no release) and `platforms`."""
    query = select(products, *_counts()).order_by(*_sorting(order))
    if q:
        columns = {products.c.name: q, products.c.slug: q.lower()}  # SQLite ignores the case of ASCII letters alone
        query = query.where(or_(*(column.ilike(contains(text), escape="\\") for column, text in columns.items())))
    if published is not None:
        query = query.where(products.c.published == published)
    return _with_platforms(connection, fetch_page(connection, query, page))


def get_product(connection: Connection, product_id: str) -> Record:
    return fetch_one(connection, select(products).where(products.c.id == product_id), _MISSING)


def find_product(connection: Connection, id_or_slug: str) -> Record:
    column = products.c.id if id_or_slug.startswith("prd_") else products.c.slug
    return fetch_one(connection, select(products).where(column == id_or_slug), _MISSING)


def count_product(connection: Connection, product_id: str) -> Record:
    """The product with its counts."""
    return fetch_one(connection, select(products, *_counts()).where(products.c.id == product_id), _MISSING)


def create_product(connection: Connection, now: str, values: dict[str, Any]) -> str:
    """`values`: name, and perhaps slug, description, published, apple_team_id. Gives the new ID."""
    product_id = new_id("prd")
    one_by_one(connection, "slugs")
    slug = _given_slug(connection, values["slug"]) if values.get("slug") else free_slug(connection, values["name"])
    _require_team(connection, values)
    row = {"id": product_id, "created_at": now} | changed(products, values, now) | {"slug": slug}
    connection.execute(insert(products).values(row))
    return product_id


def update_product(connection: Connection, now: str, product_id: str, values: dict[str, Any]) -> None:
    current = get_product(connection, product_id)
    if "slug" in values and values["slug"] != current["slug"]:
        _given_slug(connection, values["slug"])
    _require_team(connection, values)
    connection.execute(update(products).where(products.c.id == product_id).values(changed(products, values, now)))
    touch(connection, product_id)


def delete_product(connection: Connection, product_id: str) -> list[tuple[str, str]]:
    """Removes the product with all that hangs on it; gives (storage, key) of the files that are now nobody's."""
    get_product(connection, product_id)
    keys = select(releases.c.storage, releases.c.storage_key).join(variants, variants.c.id == releases.c.variant_id)
    keys = keys.with_for_update(of=releases)  # none of them may be moved to another product meanwhile
    orphans = [(row[0], row[1]) for row in connection.execute(keys.where(variants.c.product_id == product_id))]
    connection.execute(delete(products).where(products.c.id == product_id))
    return orphans


def touch(connection: Connection, product_id: str) -> None:
    """Tells the caches of every process that the product's public pages changed."""
    connection.execute(update(products).where(products.c.id == product_id).values(revision=products.c.revision + 1))


def touch_all(connection: Connection) -> None:
    connection.execute(update(products).values(revision=products.c.revision + 1))


def revision(connection: Connection, product_id: str) -> int | None:
    return connection.scalar(select(products.c.revision).where(products.c.id == product_id))


def revisions(connection: Connection, product_ids: Collection[str]) -> dict[str, int]:
    query = select(products.c.id, products.c.revision).where(products.c.id.in_(product_ids))
    return {row[0]: row[1] for row in connection.execute(query)}


def free_slug(connection: Connection, name: str) -> str:
    """The name's slug, with -2, -3 … when it is taken."""
    base = slug_of(name) or "app"
    taken = set(
        connection.scalars(select(products.c.slug).where(products.c.slug.like(contains(base)[1:], escape="\\")))
    )
    candidates = (base if n == 1 else f"{base}-{n}" for n in range(1, len(taken) + 2))
    return next(slug for slug in candidates if slug not in taken)


def _given_slug(connection: Connection, slug: str) -> str:
    if not is_slug(slug):
        raise BadInput("slug may hold lower-case letters, digits and single hyphens between them")
    if connection.scalar(select(products.c.id).where(products.c.slug == slug)):
        raise Conflict("slug {slug!r} is taken; choose another", slug=slug)
    return slug


def _require_team(connection: Connection, values: dict[str, Any]) -> None:
    team_id = values.get("apple_team_id")
    if team_id and not connection.scalar(select(apple_teams.c.id).where(apple_teams.c.id == team_id)):
        raise BadInput("apple_team_id names no team; leave it empty for the default one")


def _counts() -> tuple[Any, ...]:
    return (
        select(func.count()).where(_OF_PRODUCT).scalar_subquery().label("variant_count"),
        _of_releases(func.count()).label("release_count"),
        _of_releases(_DOWNLOADS).label("download_count"),
        _of_releases(func.max(releases.c.created_at)).label("last_release_at"),
    )


def _of_releases(figure: Any) -> Any:
    """The figure over all releases of the product that the surrounding query reads."""
    joined = releases.join(variants, variants.c.id == releases.c.variant_id)
    return select(figure).select_from(joined).where(_OF_PRODUCT).scalar_subquery()


def _sorting(order: ProductOrder) -> tuple[Any, ...]:
    newest = products.c.seq.desc()
    by = {
        ProductOrder.NEWEST: (),
        ProductOrder.NAME: (func.lower(products.c.name),),
        ProductOrder.DOWNLOADS: (_of_releases(_DOWNLOADS).desc(),),
        ProductOrder.LAST_RELEASE: (_of_releases(func.max(releases.c.created_at)).desc().nulls_last(),),
    }
    return (*by[order], newest)


def _with_platforms(connection: Connection, listed: Listed) -> Listed:
    query = select(variants.c.product_id, variants.c.platform).distinct()
    found = fetch_all(connection, query.where(variants.c.product_id.in_([one["id"] for one in listed.items])))
    for product in listed.items:
        mine = {row["platform"] for row in found if row["product_id"] == product["id"]}
        product["platforms"] = [platform for platform in Platform if platform in mine]
    return listed


def set_published(connection: Connection, now: str, any_id: str, published: bool) -> str:
    """Publishes or withdraws a product (`prd_`) or a variant (`var_`, `app_`); gives the product's ID."""
    if any_id.startswith("prd_"):
        update_product(connection, now, any_id, {"published": published})
        return any_id
    column = variants.c.app_id if any_id.startswith("app_") else variants.c.id
    product_id = connection.scalar(select(variants.c.product_id).where(column == any_id))
    if product_id is None:
        raise NotFound("app not found")
    connection.execute(update(variants).where(column == any_id).values(published=published, updated_at=now))
    touch(connection, product_id)
    return str(product_id)
