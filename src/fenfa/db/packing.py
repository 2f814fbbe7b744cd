"""Many rows as one JSON value, in SQL that SQLite and PostgreSQL both run.

Under load every row that SQLite hands over costs a change of threads, which is more than the row itself.
"""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import JSON, Boolean, ColumnElement
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class PackedRows(FunctionElement[Any]):
    """An aggregate: a list of rows in no order, each a list of the columns' values."""

    type = JSON()
    inherit_cache = True
    name = "packed_rows"


def packed_rows(columns: Iterable[ColumnElement[Any]]) -> PackedRows:
    return PackedRows(*columns)


@compiles(PackedRows, "sqlite")
def _in_sqlite(element: PackedRows, compiler: Any, **options: Any) -> str:
    values = (_json_value(column, compiler.process(column, **options)) for column in element.clauses)
    return f"json_group_array(json_array({', '.join(values)}))"


@compiles(PackedRows, "postgresql")
def _in_postgresql(element: PackedRows, compiler: Any, **options: Any) -> str:
    values = (compiler.process(column, **options) for column in element.clauses)
    return f"coalesce(json_agg(json_build_array({', '.join(values)})), '[]'::json)"


def _json_value(column: Any, sql: str) -> str:
    if isinstance(column.type, Boolean):
        return f"json(CASE WHEN {sql} THEN 'true' ELSE 'false' END)"
    return f"json({sql})" if isinstance(column.type, JSON) else sql
