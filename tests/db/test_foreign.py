"""A database that is not ours, such as the Go version's, is left alone."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fenfa.db.engine import open_sqlite
from fenfa.db.migrate import migrate
from fenfa.errors import ConfigInvalid


def test_foreign_database_is_refused_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "fenfa.db"
    with closing(sqlite3.connect(file)) as made, made:
        made.execute("CREATE TABLE products (id TEXT)")
        made.execute("INSERT INTO products VALUES ('prd_old')")
    database = open_sqlite(file)
    with pytest.raises(ConfigInvalid, match=r"fenfa.db: belongs to another program; set FENFA_DB_PATH"):
        migrate(database)
    database.close()
    with closing(sqlite3.connect(file)) as kept:
        assert kept.execute("SELECT name FROM sqlite_master").fetchall() == [("products",)]
        assert kept.execute("SELECT id FROM products").fetchall() == [("prd_old",)]
