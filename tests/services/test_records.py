"""Rows as dictionaries."""

from typing import Any

from sqlalchemy import Select, select

from fenfa.db.tables import products
from fenfa.runtime import Runtime
from fenfa.services.records import Record, fetch_all, fetch_one, record
from tests.services.shop import Shop


def test_names_are_plain_texts(bench: Runtime) -> None:
    """SQLAlchemy's own kind, a subclass, makes JSON four times as slow."""
    query: Select[Any] = select(products.c.id, products.c.name.label("called"))
    with bench.database.writing() as connection:
        Shop(connection, bench).variant()
        rows: list[Record] = [
            *fetch_all(connection, query),
            fetch_one(connection, query, "missing"),
            record(connection.execute(query).one()),
        ]
    assert [[(name, type(name)) for name in row] for row in rows] == [[("id", str), ("called", str)]] * 3
