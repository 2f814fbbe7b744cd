"""Sums of events, and the order in which events are looked up.

The events that are there are counted afterwards, day by day (see fenfa.services.recounts): this step takes no longer than its
indexes. On PostgreSQL a server of the version before may go on writing events beside it, which it does not sum up: today and
tomorrow are counted once more when they are over.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_OLD = (["ts"], ["variant_id", "ts"], ["product_id", "ts"], ["release_id", "type", "visitor"])
_NEW = (["type", "ts", "seq"], ["variant_id", "type", "ts", "seq"], ["release_id", "type", "ts", "seq"])


def upgrade() -> None:
    _create("place_sums", ("period", "product_id", "variant_id", "release_id", "app_id"), *_counts())
    agents = sa.Column("agents", sa.JSON(), nullable=False)
    _create("day_sums", ("subject", "day"), *_counts("unique_devices"), agents)
    _create("day_visitors", ("day", "subject", "visitor"))
    _create("unsummed_days", ("day", "due"))
    _create("event_marks", ("name",), sa.Column("day", sa.Text(), nullable=False))
    _remember_days()
    _reindex()


def _counts(*more: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=False) for name in ("downloads", "visits", "clicks", *more)]


def _create(name: str, key: tuple[str, ...], *columns: sa.Column[Any]) -> None:
    op.create_table(
        name,
        *(sa.Column(one, sa.Text(), nullable=False) for one in key),
        *columns,
        sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{name}")),
        sqlite_with_rowid=False,
    )


def _remember_days() -> None:
    """All days that have events; those that are not over, again when they are."""
    connection = op.get_bind()
    _without_hurry(connection)
    days = [(day, "") for day in connection.scalars(sa.text("SELECT DISTINCT substr(ts, 1, 10) FROM events"))]
    if not days and not connection.scalar(sa.text("SELECT count(*) FROM products")):
        return
    today, later = datetime.now(UTC), timedelta(days=1)
    days.extend((f"{day:%Y-%m-%d}", f"{day + later:%Y-%m-%d}T01:00") for day in (today, today + later))
    rows = sa.table("unsummed_days", sa.column("day"), sa.column("due"))
    op.bulk_insert(rows, [{"day": day, "due": due} for day, due in days])


def _reindex() -> None:
    for columns in _OLD:
        op.drop_index(op.f(f"ix_events_{'_'.join(columns)}"), "events")
    for columns in _NEW:
        op.create_index(op.f(f"ix_events_{'_'.join(columns)}"), "events", columns)


def _without_hurry(connection: sa.Connection) -> None:
    """Millions of rows take longer than any request may."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
