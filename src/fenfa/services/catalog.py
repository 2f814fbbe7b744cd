"""What the public sees of a product: the data of its page."""

from dataclasses import dataclass

from sqlalchemy import BindParameter, Connection, bindparam, select

from fenfa.db.tables import products, releases, variants
from fenfa.services.records import Record, fetch_all, fetch_one
from fenfa.services.visibility import Viewer, require_visible, visible

# made once: building a statement costs as much as running it, and this is the page that everybody opens
_WANTED: BindParameter[str] = bindparam("wanted")
_PRODUCT_BY_ID = select(products).where(products.c.id == _WANTED)
_PRODUCT_BY_SLUG = select(products).where(products.c.slug == _WANTED)
_VARIANTS = select(variants).where(variants.c.product_id == _WANTED).order_by(variants.c.sort_order, variants.c.seq)
_RELEASES = (
    select(releases)
    .join(variants, variants.c.id == releases.c.variant_id)
    .where(variants.c.product_id == _WANTED)
    .order_by(releases.c.seq.desc())
)


@dataclass(frozen=True)
class Catalog:
    """A product, its visible variants in their order, and each variant's releases, newest first."""

    product: Record
    variants: list[Record]
    releases: dict[str, list[Record]]


def open_catalog(connection: Connection, id_or_slug: str, viewer: Viewer) -> Catalog:
    query = _PRODUCT_BY_ID if id_or_slug.startswith("prd_") else _PRODUCT_BY_SLUG
    product = fetch_one(connection, query, "product not found", {"wanted": id_or_slug})
    require_visible(product, viewer, "product not found")
    of_product = {"wanted": product["id"]}
    shown = [v for v in fetch_all(connection, _VARIANTS, of_product) if visible(v, viewer)]
    by_variant: dict[str, list[Record]] = {v["id"]: [] for v in shown}
    for release in fetch_all(connection, _RELEASES, of_product):
        if release["variant_id"] in by_variant:
            by_variant[release["variant_id"]].append(release)
    return Catalog(product, shown, by_variant)
