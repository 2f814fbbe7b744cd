"""`fenfa storage`: where builds lie."""

from enum import StrEnum
from typing import Annotated

import typer

from fenfa.cli import ExitCode, new_app, printable
from fenfa.cli.here import ConfigFile, open_here
from fenfa.services.relocation import relocate

app = new_app(help="Move stored builds between this server's disk and a bucket.", no_args_is_help=True)


class Target(StrEnum):
    LOCAL = "local"
    S3 = "s3"


@app.callback()
def storage() -> None:
    """Move stored builds between this server's disk and a bucket."""


@app.command()
def move(
    to: Annotated[
        Target, typer.Option("--to", help="local: the disk of the data folder; s3: the bucket of the settings.")
    ],
    config: ConfigFile = None,
) -> ExitCode:
    """Copy every stored build to another store, verify it there, and remove the old copy. Safe while the server runs; run it
    again after an interruption. Where new builds go is a setting, which this does not change.

    \b
    Exit codes:
      0  everything lies there now
      3  some builds stayed where they were; each is named
    \b
    Examples:
      fenfa storage move --to s3
      fenfa storage move --to local
    """
    runtime = open_here(config)
    stayed = 0
    for result in relocate(runtime, runtime.storage.named(to)):
        stayed += bool(result.problem)
        print(printable(f"{result.release_id}  {result.key}  {result.problem or 'moved'}"), flush=True)
    return ExitCode.REFUSED if stayed else ExitCode.OK
