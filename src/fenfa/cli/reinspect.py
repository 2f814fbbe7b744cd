"""`fenfa reinspect`: stored packages, read again."""

from typing import Annotated

import typer

from fenfa.cli import ExitCode, new_app, printable
from fenfa.cli.here import ConfigFile, open_here
from fenfa.services.reinspection import reinspect as read_again
from fenfa.services.releases import get_release

app = new_app()


@app.command()
def reinspect(
    release: Annotated[str | None, typer.Option(help="Only this release, rel_….")] = None, config: ConfigFile = None
) -> ExitCode:
    """Read stored packages again, after an update that reads more. Safe while the server runs.

    \b
    Examples:
      fenfa reinspect
      fenfa reinspect --release rel_…
    """
    runtime = open_here(config)
    if release is not None:
        runtime.database.read_now(get_release, release)
    unread = 0
    for result in read_again(runtime, release):
        unread += bool(result.problem)
        print(printable(f"{result.release_id}  {result.file_name}  {result.problem or 'ok'}"))
    return ExitCode.REFUSED if unread else ExitCode.OK
