"""How much of everything there is."""

from sqlalchemy import Connection, func, select

from fenfa.db.tables import devices, events, products, releases, variants

_NOUNS = {"products": products, "variants": variants, "releases": releases, "devices": devices, "events": events}


def count_everything(connection: Connection) -> dict[str, int]:
    """Rows by noun, in one statement."""
    counts = (select(func.count()).select_from(table).scalar_subquery().label(n) for n, table in _NOUNS.items())
    return {name: int(count) for name, count in connection.execute(select(*counts)).mappings().one().items()}
