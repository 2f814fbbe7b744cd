"""What the public sees of a product: the data of its page."""

from dataclasses import dataclass

from sqlalchemy import Connection

from fenfa.services.products import find_product
from fenfa.services.records import Record
from fenfa.services.releases import list_releases
from fenfa.services.variants import list_variants
from fenfa.services.visibility import Viewer, require_visible, visible


@dataclass(frozen=True)
class Catalog:
    """A product, its visible variants in their order, and each variant's releases, newest first."""

    product: Record
    variants: list[Record]
    releases: dict[str, list[Record]]


def open_catalog(connection: Connection, id_or_slug: str, viewer: Viewer) -> Catalog:
    product = require_visible(find_product(connection, id_or_slug), viewer, "product not found")
    shown = [v for v in list_variants(connection, product["id"]) if visible(v, viewer)]
    by_variant: dict[str, list[Record]] = {v["id"]: [] for v in shown}
    for release in list_releases(connection, list(by_variant)):
        by_variant[release["variant_id"]].append(release)
    return Catalog(product, shown, by_variant)
