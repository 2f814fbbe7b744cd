"""`fenfa version`."""

from fenfa import __version__
from fenfa.cli import new_app

app = new_app()


@app.command()
def version() -> None:
    """Print the version."""
    print(f"fenfa {__version__}")
