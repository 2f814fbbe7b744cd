"""`fenfa login-link`: a one-time link into the admin panel."""

from typing import Annotated

import typer

from fenfa.cli import new_app
from fenfa.cli.here import ConfigFile, open_here
from fenfa.services.sessions import make_link
from fenfa.services.settings import load_settings

app = new_app()


@app.command()
def login_link(
    server: Annotated[
        str, typer.Option(help="The address that the link shall begin with; primary_domain unless given.")
    ] = "",
    config: ConfigFile = None,
) -> None:
    """Print a link that logs its opener into the admin panel: once, within ten minutes, without a token.

    \b
    Examples:
      fenfa login-link
      fenfa login-link --server http://192.168.1.20:8000
    """
    runtime = open_here(config)
    settings = runtime.database.read_now(load_settings, runtime.config)
    code = runtime.database.write_now(make_link, runtime.clock())
    print(f"{(server or settings['primary_domain']).rstrip('/')}/admin/login?code={code}")
