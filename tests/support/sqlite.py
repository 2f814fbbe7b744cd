"""A migrated SQLite file to copy: what every application under test would otherwise make for itself, with most of its start."""

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from fenfa.db.engine import open_sqlite
from fenfa.db.migrate import migrate


@cache
def migrated_file() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="fenfa-sqlite-"))
    atexit.register(shutil.rmtree, folder)
    database = open_sqlite(folder / "fenfa.db")
    migrate(database)
    database.close()
    return folder / "fenfa.db"
