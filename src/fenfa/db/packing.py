"""Many rows as one JSON value, in SQL that SQLite and PostgreSQL both run.

Under load every row that SQLite hands over costs a change of threads, which is more than the row itself.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic_core import from_json, to_json
from sqlalchemy import JSON, Boolean, ColumnElement, Connection, Select, literal, literal_column
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class PackedRows(FunctionElement[Any]):
    """An aggregate: a list of rows in no order, each a list of the columns' values."""

    type = JSON()
    inherit_cache = True
    name = "packed_rows"


def packed_rows(columns: Iterable[ColumnElement[Any]]) -> PackedRows:
    return PackedRows(*columns)


class PackedRow(FunctionElement[Any]):
    """The columns' values of one row as a list."""

    type = JSON()
    inherit_cache = True
    name = "packed_row"


def packed_row(columns: Iterable[ColumnElement[Any]]) -> PackedRow:
    return PackedRow(*columns)


class PackedQuery:
    """A SELECT of nothing but packed values, for what everybody opens. Compiled once; on SQLite its text goes to the driver
    as it is, since SQLAlchemy's ceremony around a single row costs more than the row."""

    def __init__(self, query: Select[Any]) -> None:
        compiled = query.compile(dialect=sqlite.dialect())
        self._query, self._text, self._order = query, str(compiled), tuple(compiled.positiontup or ())

    def first(self, connection: Connection, **values: str) -> tuple[Any, ...] | None:
        """The first row's values, unpacked. `values` are those of the query's bind parameters."""
        if connection.dialect.name != "sqlite":
            found = connection.execute(self._query, values).first()
            return tuple(found) if found else None
        driver: Any = connection.connection.dbapi_connection
        row = driver.execute(self._text, [values[name] for name in self._order]).fetchone()
        return tuple(map(from_json, row)) if row else None


class ListedNumbers(FunctionElement[Any]):
    """The rows of a JSON list of whole numbers."""

    inherit_cache = True
    name = "listed_numbers"


def is_one_of(column: ColumnElement[int], numbers: Sequence[int]) -> ColumnElement[bool]:
    """Like `in_`, with one parameter however many they are: a thousand take longer than the rows that they find."""
    listed = ListedNumbers(literal(to_json(list(numbers)).decode()))
    return column.bool_op("IN")(listed)


class JsonObject(FunctionElement[Any]):
    """The object (or null) under a name of a JSON column; a quarter of the cost of the general way on SQLite."""

    type = JSON()
    inherit_cache = True
    name = "json_object_of"


def json_object(column: ColumnElement[Any], name: str) -> JsonObject:
    """`name` is one of ours: it goes into the statement as it is."""
    return JsonObject(column, literal_column(f"'{name}'"))


@compiles(JsonObject, "sqlite")
def _object_in_sqlite(element: JsonObject, compiler: Any, **options: Any) -> str:
    column, name = (compiler.process(part, **options) for part in element.clauses)
    return f"json_extract({column}, '$.' || {name})"


@compiles(JsonObject, "postgresql")
def _object_in_postgresql(element: JsonObject, compiler: Any, **options: Any) -> str:
    column, name = (compiler.process(part, **options) for part in element.clauses)
    return f"({column} -> {name})"


@compiles(ListedNumbers, "sqlite")
def _numbers_in_sqlite(element: ListedNumbers, compiler: Any, **options: Any) -> str:
    query = "(SELECT value FROM json_each({}))"
    return query.format(compiler.process(element.clauses, **options))


@compiles(ListedNumbers, "postgresql")
def _numbers_in_postgresql(element: ListedNumbers, compiler: Any, **options: Any) -> str:
    query = "(SELECT CAST(value AS BIGINT) FROM json_array_elements_text(CAST({} AS JSON)))"
    return query.format(compiler.process(element.clauses, **options))


@compiles(PackedRow, "sqlite")
def _row_in_sqlite(element: FunctionElement[Any], compiler: Any, **options: Any) -> str:
    values = (_json_value(column, compiler.process(column, **options)) for column in element.clauses)
    return f"json_array({', '.join(values)})"


@compiles(PackedRow, "postgresql")
def _row_in_postgresql(element: FunctionElement[Any], compiler: Any, **options: Any) -> str:
    values = (compiler.process(column, **options) for column in element.clauses)
    return f"json_build_array({', '.join(values)})"


@compiles(PackedRows, "sqlite")
def _rows_in_sqlite(element: PackedRows, compiler: Any, **options: Any) -> str:
    return f"json_group_array({_row_in_sqlite(element, compiler, **options)})"


@compiles(PackedRows, "postgresql")
def _rows_in_postgresql(element: PackedRows, compiler: Any, **options: Any) -> str:
    return f"coalesce(json_agg({_row_in_postgresql(element, compiler, **options)}), '[]'::json)"


def _json_value(column: Any, sql: str) -> str:
    if isinstance(column, JsonObject):
        return sql
    if isinstance(column.type, Boolean):
        return f"json(CASE WHEN {sql} THEN 'true' ELSE 'false' END)"
    return f"json({sql})" if isinstance(column.type, JSON) else sql
