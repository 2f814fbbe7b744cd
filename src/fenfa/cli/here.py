"""Opening this machine's installation, for the verbs that work on it directly."""

import os
from pathlib import Path
from typing import Annotated

import typer

from fenfa.config import Config, process_config
from fenfa.runtime import Runtime, open_runtime

ConfigFile = Annotated[Path | None, typer.Option("--config", help="Configuration file; config.json here unless named.")]


def read_config(file: Path | None) -> Config:
    named = os.environ.get("FENFA_CONFIG")
    return process_config(file or (Path(named) if named else None))


def open_here(file: Path | None) -> Runtime:
    """The runtime of the configured data folder, its database brought to this version's schema."""
    from fenfa.db.engine import open_database
    from fenfa.db.migrate import migrate

    config = read_config(file)
    database = open_database(config.database_url, config.database_file)
    migrate(database)
    return open_runtime(config, database=database)
