"""`fenfa db`: from SQLite to PostgreSQL."""

from typing import Annotated

import typer

from fenfa.cli import new_app
from fenfa.cli.here import ConfigFile, read_config
from fenfa.errors import BadInput

app = new_app(help="Copy the database to PostgreSQL.", no_args_is_help=True)


@app.callback()
def db() -> None:
    """Copy the database to PostgreSQL."""


@app.command()
def copy(
    to: Annotated[str, typer.Option(metavar="URL", help="An empty one: postgresql://user:password@host/name.")],
    config: ConfigFile = None,
) -> None:
    """Copy every row of the SQLite database to an empty PostgreSQL, and compare. Stop the server first.

    The SQLite file stays as it is. What goes wrong leaves the target empty, so that the command can be repeated.

    \b
    Examples:
      fenfa db copy --to postgresql://fenfa:secret@db.example.com/fenfa
    """
    from fenfa.db.copying import copy_database
    from fenfa.db.engine import open_sqlite, open_url
    from fenfa.db.migrate import migrate
    from fenfa.runtime import lock_data_folder

    settings = read_config(config)
    if not settings.database_file.is_file():
        raise BadInput(f"{settings.database_file}: there is no such SQLite database to copy")
    lock_data_folder(settings)  # held until this process ends
    source, target = open_sqlite(settings.database_file), open_url(to)
    for database in (source, target):
        migrate(database)
    copied = copy_database(source, target)
    for name, rows in copied.items():
        print(f"{name}: {rows}")
    print(f"copied and compared: {sum(copied.values())} rows; now start the server with FENFA_DATABASE_URL set to it")
