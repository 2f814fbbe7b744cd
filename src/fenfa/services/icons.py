"""Product icons: one clean PNG a product, kept in the database."""

import hashlib

from sqlalchemy import Connection, delete, insert, select, update

from fenfa.db.tables import icons, products
from fenfa.services.products import get_product, touch
from fenfa.services.records import Record, fetch_one


def set_icon(connection: Connection, now: str, product_id: str, png: bytes) -> None:
    """`png` must come out of the inspectors' sandbox, re-encoded."""
    get_product(connection, product_id)
    row = {"sha256": hashlib.sha256(png).hexdigest(), "png": png, "updated_at": now}
    if not connection.execute(update(icons).where(icons.c.product_id == product_id).values(row)).rowcount:
        connection.execute(insert(icons).values(row | {"product_id": product_id}))
    connection.execute(update(products).where(products.c.id == product_id).values(icon_sha256=row["sha256"]))
    touch(connection, product_id)


def remove_icon(connection: Connection, product_id: str) -> None:
    """None is fine as well. The next package that holds one brings its icon."""
    get_product(connection, product_id)
    connection.execute(delete(icons).where(icons.c.product_id == product_id))
    connection.execute(update(products).where(products.c.id == product_id).values(icon_sha256=None))
    touch(connection, product_id)


def get_icon(connection: Connection, product_id: str) -> Record:
    return fetch_one(connection, select(icons).where(icons.c.product_id == product_id), "icon not found")
