"""What a list can be narrowed to: a product, one of its variants, one of its releases."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from fenfa.db.tables import products, releases, variants
from fenfa.services.records import Record, fetch_all
from fenfa.services.statistics import Subject

_MOST_RELEASES = 200


@dataclass(frozen=True)
class Choices:
    """What is chosen, with all that it hangs on, and what there is to choose from: the variants of the product, the newest
    releases of the variant or of all of them."""

    chosen: Subject
    products: list[Record]
    variants: list[Record]
    releases: list[Record]


def offer_choices(connection: Connection, asked: Subject) -> Choices:
    chosen = settle(connection, asked)
    named = select(products.c.id, products.c.name, products.c.slug).order_by(products.c.name, products.c.seq)
    columns = (variants.c[name] for name in ("id", "platform", "arch", "display_name"))
    mine = select(*columns, products.c.name.label("product_name")).join(
        products, products.c.id == variants.c.product_id
    )
    mine = mine.where(variants.c.product_id == chosen.product_id)
    return Choices(
        chosen,
        fetch_all(connection, named),
        fetch_all(connection, mine.order_by(variants.c.sort_order, variants.c.seq)) if chosen.product_id else [],
        _releases(connection, chosen) if chosen.product_id else [],
    )


def settle(connection: Connection, asked: Subject) -> Subject:
    """The narrowest that is asked for, and what it hangs on. What does not hang on the product that is asked for is left out;
    what is unknown stays: events outlive what they are about."""
    product_id, variant_id, release_id = asked.product_id, asked.variant_id, asked.release_id
    if release_id:
        home = connection.scalar(select(releases.c.variant_id).where(releases.c.id == release_id))
        release_id = release_id if home in (None, variant_id) or not variant_id else ""
        variant_id = variant_id or home or ""
    if variant_id:
        owner = connection.scalar(select(variants.c.product_id).where(variants.c.id == variant_id))
        is_theirs = owner in (None, product_id) or not product_id
        variant_id, release_id = (variant_id, release_id) if is_theirs else ("", "")
        product_id = product_id or owner or ""
    return Subject(product_id, variant_id, release_id)


def _releases(connection: Connection, chosen: Subject) -> list[Record]:
    columns = ("id", "version", "build", "channel", "variant_id")
    query = select(*(releases.c[name] for name in columns)).order_by(releases.c.seq.desc()).limit(_MOST_RELEASES)
    if chosen.variant_id:
        return fetch_all(connection, query.where(releases.c.variant_id == chosen.variant_id))
    owned = select(variants.c.id).where(variants.c.product_id == chosen.product_id)
    return fetch_all(connection, query.where(releases.c.variant_id.in_(owned)))
