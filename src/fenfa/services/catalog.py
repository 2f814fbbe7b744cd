"""What the public sees of a product: the data of its page."""

from dataclasses import dataclass
from operator import itemgetter

from sqlalchemy import BindParameter, Connection, bindparam, select

from fenfa.db.packing import PackedQuery, json_object, packed_row, packed_rows
from fenfa.db.tables import products, releases, variants
from fenfa.errors import NotFound
from fenfa.services.records import Record
from fenfa.services.visibility import Viewer, require_visible, visible

_PRODUCT = tuple(map(str, products.c.keys()))  # SQLAlchemy's own kind of text is slow as JSON
_VARIANT = tuple(map(str, variants.c.keys()))
_PLAIN = (
    *("seq", "id", "variant_id", "version", "build", "channel", "min_os", "changelog", "created_at", "download_count"),
    *("size_bytes", "sha256", "file_name", "file_ext"),
)
_RELEASE = (*_PLAIN, "package", "provisioning_profile")
_RELEASE_COLUMNS = (
    *(releases.c[name] for name in _PLAIN),
    json_object(releases.c.package, "public"),
    json_object(releases.c.package, "provisioning_profile"),
)
_MISSING = "product not found"

# one statement: this is the page that everybody opens, and every further one costs as much as its rows
_WANTED: BindParameter[str] = bindparam("wanted")
_CATALOG = select(
    packed_row(products.c[name] for name in _PRODUCT),
    select(packed_rows(variants.c[name] for name in _VARIANT))
    .where(variants.c.product_id == products.c.id)
    .scalar_subquery(),
    select(packed_rows(_RELEASE_COLUMNS))
    .select_from(releases.join(variants, variants.c.id == releases.c.variant_id))
    .where(variants.c.product_id == products.c.id)
    .scalar_subquery(),
)
_BY_ID = PackedQuery(_CATALOG.where(products.c.id == _WANTED))
_BY_SLUG = PackedQuery(_CATALOG.where(products.c.slug == _WANTED))


@dataclass(frozen=True)
class Catalog:
    """A product, its visible variants in their order, and each variant's releases, newest first."""

    product: Record
    variants: list[Record]
    releases: dict[str, list[Record]]


def open_catalog(connection: Connection, id_or_slug: str, viewer: Viewer) -> Catalog:
    query = _BY_ID if id_or_slug.startswith("prd_") else _BY_SLUG
    found = query.first(connection, wanted=id_or_slug)
    if found is None:
        raise NotFound(_MISSING)
    product = require_visible(dict(zip(_PRODUCT, found[0], strict=True)), viewer, _MISSING)
    shown = [v for v in _records(_VARIANT, found[1]) if visible(v, viewer)]
    shown.sort(key=itemgetter("sort_order", "seq"))
    by_variant: dict[str, list[Record]] = {v["id"]: [] for v in shown}
    for release in sorted(_records(_RELEASE, found[2]), key=itemgetter("seq"), reverse=True):
        if release["variant_id"] in by_variant:
            by_variant[release["variant_id"]].append(release)
    return Catalog(product, shown, by_variant)


def _records(names: tuple[str, ...], rows: list[list[object]]) -> list[Record]:
    return [dict(zip(names, row, strict=True)) for row in rows]
