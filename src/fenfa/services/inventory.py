"""How much of everything there is."""

from sqlalchemy import Connection, func, select

from fenfa.db.tables import devices, products, releases, variants
from fenfa.services.extents import EventFilter, measure_extent

_NOUNS = {"products": products, "variants": variants, "releases": releases, "devices": devices}


def count_everything(connection: Connection) -> dict[str, int]:
    """How many there are, by noun."""
    counts = (select(func.count()).select_from(table).scalar_subquery().label(n) for n, table in _NOUNS.items())
    rows = {name: int(count) for name, count in connection.execute(select(*counts)).mappings().one().items()}
    return rows | {"events": measure_extent(connection, EventFilter()).total}
