"""Rows as plain dictionaries, and the few statements that every noun needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, func, select
from sqlalchemy.exc import DataError

from fenfa.errors import NotFound

Record = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """A slice of a list: `limit` rows after the first `offset`."""

    limit: int = 100
    offset: int = 0


@dataclass(frozen=True)
class Listed:
    """One page of records, how many there are in all, and which slice of them the page is."""

    items: list[Record]
    total: int
    page: Page = Page()


def stamp(moment: datetime) -> str:
    """The form in which times are stored and shown: `2026-01-02T03:04:05.678Z`."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return f"{utc.isoformat('T', 'milliseconds')[:-6]}Z"


def record(row: Row[Any]) -> Record:
    """Under plain names: SQLAlchemy's own kind of text is slow as JSON."""
    return dict(zip(map(str, row._fields), row, strict=True))


def fetch_all(connection: Connection, query: Select[Any], values: Mapping[str, Any] | None = None) -> list[Record]:
    """`values` are those of the query's own bind parameters."""
    result = connection.execute(query, values)
    names = tuple(map(str, result.keys()))  # as in `record`
    return [dict(zip(names, row, strict=True)) for row in result.all()]


def fetch_one(
    connection: Connection, query: Select[Any], missing: str, values: Mapping[str, Any] | None = None
) -> Record:
    """The single row of the query; `NotFound(missing)` without one."""
    try:
        row = connection.execute(query, values).first()
    except DataError:  # a text that PostgreSQL holds nowhere, such as a NUL in an ID
        row = None
    if row is None:
        raise NotFound(missing)
    return record(row)


def fetch_page(connection: Connection, query: Select[Any], page: Page) -> Listed:
    total = connection.scalar(select(func.count()).select_from(query.order_by(None).subquery()))
    return Listed(fetch_all(connection, query.limit(page.limit).offset(page.offset)), int(total or 0), page)


def changed(table: Table, values: Mapping[str, Any], now: str) -> dict[str, Any]:
    """The values of an update, with `updated_at`; only columns of the table pass."""
    return {name: value for name, value in values.items() if name in table.c} | {"updated_at": now}


def contains(text: str) -> str:
    """A LIKE pattern (escape character `\\`) that finds the text itself anywhere."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def within_days(query: Select[Any], column: Any, start: str | None, end: str | None) -> Select[Any]:
    """Both days inclusive; `~` sorts behind every time of the day."""
    query = query.where(column >= start) if start else query
    return query.where(column <= f"{end}~") if end else query
