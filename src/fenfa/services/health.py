"""Whether the database answers."""

from sqlalchemy import Connection, select

from fenfa.db.tables import products


def ping(connection: Connection) -> None:
    """Reads a table: a connection that is open answers `SELECT 1` even when its file is gone."""
    connection.execute(select(products.c.seq).limit(1)).first()
