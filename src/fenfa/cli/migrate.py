"""`fenfa migrate`: the database's schema."""

from fenfa.cli import new_app
from fenfa.cli.here import ConfigFile, read_config

app = new_app()


@app.command()
def migrate(config: ConfigFile = None) -> None:
    """Bring the database to this version's schema, as `fenfa serve` does by itself; a copy is saved first.

    \b
    Examples:
      fenfa migrate
      fenfa migrate --config /etc/fenfa.json
    """
    from fenfa.db.engine import open_database
    from fenfa.db.migrate import head_revision
    from fenfa.db.migrate import migrate as bring_to_head

    settings = read_config(config)
    database = open_database(settings.database_url, settings.database_file)
    for sentence in bring_to_head(database) or [f"the database is at {head_revision()} already"]:
        print(sentence)
