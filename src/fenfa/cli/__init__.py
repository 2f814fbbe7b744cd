"""The command line: one module a verb, imported only when it runs, so that `fenfa serve` carries what it needs and no more.

A new verb is a module beside this one and a line in `VERBS`. The module holds `app = new_app()` with its commands. A
command returns nothing or an `ExitCode`; for what goes wrong on purpose it raises a `FenfaError`, and `main` says it in
one line.
"""

import gc
import io
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import Abort, TyperException

from fenfa import __version__
from fenfa.errors import BadInput, FenfaError, ScopeMissing, Unauthenticated


class ExitCode(IntEnum):
    """What a finished command tells the shell; of several files, the highest counts."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    UNAUTHORISED = 4
    UNREACHABLE = 5


EXIT_CODES = """\b
Exit codes:
  0    done
  1    failed
  2    bad usage or configuration
  3    the server refused the file; trying again will not help
  4    not authorised (the server answered 401 or 403)
  5    the server cannot be reached, or still failed after the retries
  130  interrupted"""


@dataclass(frozen=True)
class Verb:
    """A line of `fenfa --help`, which is shown without importing any verb. `module` holds the verb's Typer `app`."""

    name: str
    module: str
    help: str


VERBS: tuple[Verb, ...] = (
    Verb("serve", "fenfa.cli.serve", "Run the server."),
    Verb("upload", "fenfa.cli.upload", "Send builds to a Fenfa server and print their pages."),
    Verb("inspect", "fenfa.cli.inspect", "Tell what builds are, without a server."),
    Verb("token", "fenfa.cli.token", "Create, list and revoke tokens."),
    Verb("login-link", "fenfa.cli.login_link", "Print a one-time link into the admin panel."),
    Verb("jobs", "fenfa.cli.jobs", "List, show, cancel and retry background jobs."),
    Verb("udid", "fenfa.cli.udid", "Look at replies of iPhones and iPads."),
    Verb("migrate", "fenfa.cli.migrate", "Bring the database to this version's schema."),
    Verb("db", "fenfa.cli.db", "Copy the database to PostgreSQL."),
    Verb("verify", "fenfa.cli.verify", "Check that every stored file has the bytes it came with."),
    Verb("storage", "fenfa.cli.storage", "Move stored builds between the disk and a bucket."),
    Verb("rekey", "fenfa.cli.rekey", "Encrypt the stored secrets anew, with a new key."),
    Verb("reinspect", "fenfa.cli.reinspect", "Read stored packages again, after an update."),
    Verb("version", "fenfa.cli.version", "Print the version."),
)


def new_app(**settings: Any) -> typer.Typer:
    """The Typer app of one verb, in the house's manner: plain help, no tracebacks of Typer's own."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False, **settings)


class LazyVerbs(TyperGroup):
    """Lists every verb from `VERBS` and imports only the one that is about to run."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        self.commands = {verb.name: TyperCommand(verb.name, help=verb.help) for verb in VERBS}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, listed, rest = super().resolve_command(ctx, args)
        return name, listed and load_verb(name), rest


def load_verb(name: str | None) -> Any:
    """The click command of a verb in `VERBS`; imports its module."""
    module = next(verb.module for verb in VERBS if verb.name == name)
    gc.disable()  # a module makes many objects and hardly any garbage: looking for it is a fifth of a start
    try:
        return typer.main.get_command(import_module(module).app)
    finally:
        gc.enable()


@dataclass
class Session:
    """What the options before the verb decide; `ctx.obj` of every command."""

    debug: bool = False


app = typer.Typer(cls=LazyVerbs, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def print_version(wanted: bool) -> None:
    if wanted:
        print(f"fenfa {__version__}")
        raise typer.Exit


@app.callback(epilog=EXIT_CODES)
def fenfa(
    ctx: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Fenfa: self-hosted app distribution. A verb whose exit codes differ from those below lists its own.

    \b
    Examples:
      fenfa upload app.apk --server https://apps.example.com
      fenfa upload --help
    """
    ctx.obj.debug = debug


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command (that of `sys.argv` unless told) and return its exit code."""
    session = Session()
    print_anything()
    words = list(sys.argv[1:] if argv is None else argv) or ["--help"]
    try:
        return typer.main.get_command(app).main(words, "fenfa", standalone_mode=False, obj=session) or ExitCode.OK
    except Exception as error:
        return explain(error, session)


def print_anything() -> None:
    """Let no character that a terminal cannot show turn work that was done into a failure."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def explain(error: Exception, session: Session) -> int:
    """Say what ended a command in one line, and return its exit code."""
    if isinstance(error, TyperException):
        return explain_misuse(error)
    if isinstance(error, Abort):
        return say_error("aborted")
    if session.debug:
        traceback.print_exception(error)
    if isinstance(error, FenfaError):
        return say_error(error.message, exit_code(error))
    return say_error(f"unexpected {type(error).__name__}: {error} (`fenfa --debug …` shows where)")


def explain_misuse(error: TyperException) -> int:
    context = getattr(error, "ctx", None)
    hint = f" (`{context.command_path} --help` tells more)" if context else ""
    message = error.format_message()
    say_error(message[:1].lower() + message[1:].removesuffix(".") + hint)
    return error.exit_code


def say_error(message: str, code: ExitCode = ExitCode.FAILED) -> ExitCode:
    """One line on stderr, whatever the message holds: it may come from a server or a file name."""
    print("error:", printable(message), file=sys.stderr)
    return code


def printable(text: str) -> str:
    """The text in one line, without what would steer a terminal."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def exit_code(error: FenfaError) -> ExitCode:
    if isinstance(error, Unauthenticated | ScopeMissing):
        return ExitCode.UNAUTHORISED
    return ExitCode.USAGE if isinstance(error, BadInput) else ExitCode.FAILED
