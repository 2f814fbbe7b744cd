"""What goes with a product or a variant when it is deleted, counted."""

from typing import Any

from sqlalchemy import Connection, func, select

from fenfa.db.tables import device_bindings, releases, variants
from fenfa.services.records import Record


def count_losses(connection: Connection, any_id: str) -> Record:
    """`variants, releases, size_bytes, downloads, bindings` that hang on a product (`prd_`) or variant (`var_`)."""
    column = variants.c.product_id if any_id.startswith("prd_") else variants.c.id
    mine = select(variants.c.id).where(column == any_id)
    of_release = releases.c.variant_id.in_(mine)
    figures: dict[str, Any] = {
        "variants": select(func.count()).where(column == any_id),
        "releases": select(func.count()).where(of_release),
        "size_bytes": select(func.coalesce(func.sum(releases.c.size_bytes), 0)).where(of_release),
        "downloads": select(func.coalesce(func.sum(releases.c.download_count), 0)).where(of_release),
        "bindings": select(func.count()).where(device_bindings.c.variant_id.in_(mine)),
    }
    row = connection.execute(select(*(query.scalar_subquery().label(name) for name, query in figures.items()))).one()
    return {name: int(value) for name, value in row._mapping.items()}
