"""Products: the things that have a page."""

from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from fenfa.db.tables import apple_teams, products, releases, variants
from fenfa.errors import BadInput, Conflict, NotFound
from fenfa.services.records import Listed, Page, Record, changed, contains, fetch_one, fetch_page
from fenfa.services.texts import is_slug, slug_of
from fenfa.vocabulary import new_id

_MISSING = "product not found"


def list_products(connection: Connection, page: Page, q: str = "") -> Listed:
    """Newest first, each with `variant_count`, `release_count` and `download_count`."""
    query = select(products, *_counts()).order_by(products.c.seq.desc())
    if q:
        columns = {products.c.name: q, products.c.slug: q.lower()}  # SQLite ignores the case of ASCII letters alone
        query = query.where(or_(*(column.ilike(contains(text), escape="\\") for column, text in columns.items())))
    return fetch_page(connection, query, page)


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
        raise Conflict(f"slug {slug!r} is taken; choose another")
    return slug


def _require_team(connection: Connection, values: dict[str, Any]) -> None:
    team_id = values.get("apple_team_id")
    if team_id and not connection.scalar(select(apple_teams.c.id).where(apple_teams.c.id == team_id)):
        raise BadInput("apple_team_id names no team; leave it empty for the default one")


def _counts() -> tuple[Any, ...]:
    of_product = variants.c.product_id == products.c.id
    joined = select(func.count()).select_from(releases.join(variants, variants.c.id == releases.c.variant_id))
    downloads = select(func.coalesce(func.sum(releases.c.download_count), 0)).select_from(
        releases.join(variants, variants.c.id == releases.c.variant_id)
    )
    return (
        select(func.count()).select_from(variants).where(of_product).scalar_subquery().label("variant_count"),
        joined.where(of_product).scalar_subquery().label("release_count"),
        downloads.where(of_product).scalar_subquery().label("download_count"),
    )


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
