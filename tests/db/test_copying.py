"""From SQLite to PostgreSQL: every row of every table, once, in an empty database, and new rows after the old ones."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from shutil import copy
from typing import Any

import pytest
from sqlalchemy import JSON, BigInteger, Boolean, Connection, Integer, LargeBinary, func, insert, select

from fenfa.db.copying import copy_database
from fenfa.db.engine import Database, open_sqlite
from fenfa.db.tables import events, metadata, products
from fenfa.errors import BadInput
from fenfa.services.products import create_product, get_product
from tests.support.postgresql import PostgreSQL
from tests.support.server import run_fenfa

pytestmark = pytest.mark.postgresql
ROWS = 3


def value_of(column: Any, number: int) -> Any:
    """A value of the column's kind; the same for the same number, so that foreign keys fit."""
    if isinstance(column.type, JSON):
        return None if column.nullable and number == 1 else {"ü": ["日本", 1.5, None, True, number]}
    if isinstance(column.type, Boolean):
        return number % 2 == 0
    if isinstance(column.type, BigInteger):
        return 2**40 + number
    if isinstance(column.type, Integer):
        return number
    if isinstance(column.type, LargeBinary):
        return bytes(range(256)) * number
    return None if column.nullable and number == 1 and not column.foreign_keys else f"{number} 大 'x'\n\\"


def furnish(connection: Connection) -> None:
    for table in metadata.sorted_tables:
        rows = [{c.name: value_of(c, number) for c in table.c} for number in range(1, ROWS + 1)]
        connection.execute(insert(table), rows)


@pytest.fixture
def source(tmp_path: Path, sqlite_template: Path) -> Iterator[Database]:
    (tmp_path / "data").mkdir()
    with closing(open_sqlite(Path(copy(sqlite_template, tmp_path / "data" / "fenfa.db")))) as database:
        database.write_now(furnish)
        yield database


@pytest.fixture
def target(postgresql: PostgreSQL) -> Iterator[Database]:
    with closing(postgresql.fresh()) as database:
        yield database


def content(connection: Connection) -> dict[str, list[str]]:
    return {table.name: sorted(map(repr, connection.execute(select(table)))) for table in metadata.sorted_tables}


def test_every_row_of_every_table(source: Database, target: Database) -> None:
    copied = copy_database(source, target)
    assert copied == {table.name: ROWS for table in metadata.sorted_tables}
    assert target.read_now(content) == source.read_now(content)


def test_new_rows_come_after_the_old_ones(source: Database, target: Database) -> None:
    copy_database(source, target)
    new = target.write_now(create_product, "", {"name": "New"})
    newest = source.read_now(lambda connection: connection.scalar(select(func.max(products.c.seq))))
    assert target.read_now(get_product, new)["seq"] == newest + 1


def test_more_than_a_batch_and_what_no_text_can_hold(source: Database, target: Database) -> None:
    def visit(connection: Connection) -> None:
        empty = {c.name: "" for c in events.c if c.name not in ("seq", "extra")}
        connection.execute(insert(events), [empty | {"ua": f"{n}\0", "extra": {}} for n in range(5000)])

    source.write_now(visit)
    assert copy_database(source, target)["events"] == 5000 + ROWS
    agents = target.read_now(lambda connection: set(connection.scalars(select(events.c.ua))))
    assert {str(n) for n in range(5000)} < agents


def test_a_target_with_rows_is_left_alone(source: Database, target: Database) -> None:
    target.write_now(create_product, "", {"name": "Theirs"})
    before = target.read_now(content)
    with pytest.raises(BadInput, match=r"holds rows already \(in products\)"):
        copy_database(source, target)
    assert target.read_now(content) == before


def test_a_table_that_comes_out_otherwise_copies_nothing(source: Database, target: Database) -> None:
    rule = "CREATE RULE cut AS ON INSERT TO audit DO INSTEAD NOTHING"
    target.write_now(lambda connection: connection.exec_driver_sql(rule))
    with pytest.raises(Exception, match="audit did not come out as it was read"):
        copy_database(source, target)
    assert not any(target.read_now(content).values())


def test_the_command(tmp_path: Path, source: Database, postgresql: PostgreSQL) -> None:
    before = source.read_now(content)
    with closing(postgresql.empty()) as target:
        url = target.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
        done = run_fenfa(tmp_path, "db", "copy", "--to", url)
        assert done.returncode == 0, done.stderr
        assert f"copied and compared: {ROWS * len(before)} rows" in done.stdout
        assert target.read_now(content) == before
        again = run_fenfa(tmp_path, "db", "copy", "--to", url)
        assert (again.returncode, "holds rows already" in again.stderr) == (2, True)
    assert source.read_now(content) == before


def test_without_a_sqlite_database(tmp_path: Path) -> None:
    done = run_fenfa(tmp_path, "db", "copy", "--to", "postgresql://nobody@nowhere.invalid/x")
    assert done.returncode == 2
    assert "there is no such SQLite database" in done.stderr
