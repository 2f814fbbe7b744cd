"""Sealing all stored secrets anew, with the newest key."""

from sqlalchemy import Column, ColumnElement, Connection, Table, select, update

from fenfa.db.tables import apple_teams, settings, stores
from fenfa.services.settings import SECRETS
from fenfa.services.vault import Keys, seal, unseal

_SEALED: tuple[tuple[Table, Column[str], Column[str], ColumnElement[bool]], ...] = (
    (settings, settings.c.name, settings.c.value, settings.c.name.in_(SECRETS)),
    (apple_teams, apple_teams.c.id, apple_teams.c.private_key, apple_teams.c.private_key != ""),
    (stores, stores.c.id, stores.c.access_key, stores.c.access_key != ""),
    (stores, stores.c.id, stores.c.secret_key, stores.c.secret_key != ""),
)
"""Every place where something is sealed: table, the column whose value it is sealed under, its own column, and which rows."""


def reseal(connection: Connection, keys: Keys) -> int:
    """How many there were; `SecretLost`, and nothing changed, when one of them does not open."""
    count = 0
    for table, name, column, chosen in _SEALED:
        for key, sealed in connection.execute(select(name, column).where(chosen)).all():
            if sealed:
                fresh = seal(keys, key, unseal(keys, key, sealed))
                connection.execute(update(table).where(name == key).values({column.name: fresh}))
                count += 1
    return count
