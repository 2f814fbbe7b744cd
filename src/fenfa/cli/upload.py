"""`fenfa upload`: what is sent, and what is shown of it. Results go to stdout, everything else to stderr."""

import ctypes
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import segno
import typer
from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from fenfa.cli import EXIT_CODES, ExitCode, new_app, printable, say_error
from fenfa.cli.client import Failure, Receipt, Uploader, connect
from fenfa.cli.pieces import Watcher
from fenfa.errors import BadInput
from fenfa.vocabulary import CONTENT_TYPES, file_type

Show = Callable[[Path, Receipt | Failure], None]

Files = Annotated[list[Path], typer.Argument(metavar="FILE", show_default=False, help="Builds, such as app.ipa.")]
Server = Annotated[str, typer.Option(metavar="URL", envvar="FENFA_SERVER", help="Where Fenfa runs.")]
Token = Annotated[
    str, typer.Option(metavar="TOKEN", help="An upload token. FENFA_TOKEN is safer: no log or process list shows it.")
]
TokenFile = Annotated[str, typer.Option(metavar="FILE", help="A file that holds the token.")]
Variant = Annotated[str, typer.Option(metavar="ID", help="The variant (var_…); without it the package says which.")]
Create = Annotated[bool, typer.Option("--create", help="Make product and variant when none fits (admin token).")]
Channel = Annotated[str, typer.Option(metavar="NAME", help="Such as beta.")]
Changelog = Annotated[str, typer.Option(metavar="TEXT", help="What is new.")]
ChangelogFile = Annotated[str, typer.Option(metavar="FILE", help="What is new, from a file; - is stdin.")]
AppVersion = Annotated[str, typer.Option(metavar="TEXT", help="Instead of the package's own version.")]
Build = Annotated[int | None, typer.Option(metavar="NUMBER", help="Instead of the package's own build.")]
MinOs = Annotated[str, typer.Option(metavar="VERSION", help="Instead of the package's own least system version.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON line a file: the server's answer, and `file`.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only each release's page address, and errors.")]
Qr = Annotated[
    bool | None,
    typer.Option("--qr/--no-qr", show_default=False, help="Print a QR code of the page; a terminal gets one."),
]
Retries = Annotated[
    int, typer.Option(min=0, metavar="NUMBER", help="How often a try that failed in passing is repeated.")
]
Insecure = Annotated[bool, typer.Option("--insecure", help="Do not check the server's TLS certificate.")]
Timeout = Annotated[float, typer.Option(min=0.1, metavar="SECONDS", help="How long the server may be silent.")]

app = new_app()


@app.command(epilog=EXIT_CODES)
def upload(
    files: Files,
    server: Server = "http://127.0.0.1:8000",
    token: Token = "",
    token_file: TokenFile = "",
    variant: Variant = "",
    create: Create = False,
    channel: Channel = "",
    changelog: Changelog = "",
    changelog_file: ChangelogFile = "",
    app_version: AppVersion = "",
    build: Build = None,
    min_os: MinOs = "",
    as_json: Json = False,
    quiet: Quiet = False,
    qr: Qr = None,
    retries: Retries = 5,
    insecure: Insecure = False,
    timeout: Timeout = 300.0,
) -> ExitCode:
    """Send builds to a Fenfa server and print their pages.

    The package itself says which product it belongs to; --variant names one, --create makes one. A file that is sent
    again after a lost connection does not become a second release.

    \b
    Examples:
      export FENFA_SERVER=https://apps.example.com FENFA_TOKEN=…
      fenfa upload app.apk
      fenfa upload app.ipa --channel beta --changelog "Faster start"
      git log -5 --format=%s | fenfa upload app.ipa --changelog-file -
      fenfa upload *.apk *.ipa --json | jq -r .data.urls.release_page
    """
    check_files(files)
    route, fields = choose_route(variant, create)
    fields |= {"version": app_version, "build": "" if build is None else str(build), "channel": channel}
    fields |= {"min_os": min_os, "changelog": read_changelog(changelog, changelog_file)}
    given = {name: value for name, value in fields.items() if value}
    show = choose_show(as_json, quiet, sys.stdout.isatty() if qr is None else qr)
    with connect(server, find_token(token, token_file), timeout=timeout, insecure=insecure) as http:
        return send_files(Uploader(http, route, given, retries), files, quiet, show)


def check_files(files: Sequence[Path]) -> None:
    """Refuse the whole command, before any byte is sent, for a file that cannot be a build."""
    faults = [f"{file}: {fault}" for file in files if (fault := find_fault(file))]
    if faults:
        raise BadInput("; ".join(faults))


def find_fault(file: Path) -> str:
    try:
        if not file.is_file():
            return "not a file" if file.exists() else "no such file"
        with file.open("rb") as opened:
            empty = not opened.read(1)
    except OSError as error:
        return f"not readable ({error.strerror})"
    if not file_type(file.name):
        return f"not a type that Fenfa takes ({' '.join(CONTENT_TYPES)})"
    return "empty" if empty else ""


def choose_route(variant: str, create: bool) -> tuple[str, dict[str, str]]:
    """The route, and the fields that belong to it."""
    if variant and create:
        raise BadInput("--variant names what --create would make; give one of them")
    if variant:
        return "/upload", {"variant_id": variant}
    return ("/admin/api/smart-upload", {"create": "1"}) if create else ("/smart-upload", {})


def read_changelog(text: str, file: str) -> str:
    if text and file:
        raise BadInput("give --changelog or --changelog-file, not both")
    return read_text(file).strip() if file else text


def read_text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except OSError as error:
        raise BadInput(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"cannot read {file}: it is not UTF-8") from error


def find_token(token: str, file: str) -> str:
    """The token of the command line, its file or the environment, in this order."""
    if token:
        hide_argument(token)
    found = token or (read_text(file) if file else os.environ.get("FENFA_TOKEN", ""))
    if not found.strip():
        raise BadInput("no token: set FENFA_TOKEN, or give --token-file or --token")
    return found.strip()


def hide_argument(secret: str) -> None:
    """Overwrite a secret in this process's command line, which every user of the machine can list (Linux only)."""
    stat = Path("/proc/self/stat")
    if not stat.exists():
        return
    fields = stat.read_text().rpartition(")")[2].split()  # from the third on: man 5 proc_pid_stat
    start, end = int(fields[45]), int(fields[46])
    wanted = os.fsencode(secret)
    line = ctypes.string_at(start, end - start) if start else b""
    at = line.find(wanted)
    while at >= 0:
        ctypes.memset(start + at, ord("x"), len(wanted))
        at = line.find(wanted, at + len(wanted))


def send_files(uploader: Uploader, files: Sequence[Path], quiet: bool, show: Show) -> ExitCode:
    """Send every file, whatever becomes of the others."""
    outcomes = []
    for file in files:
        with watch(file, quiet) as watcher:
            outcomes.append(uploader.send(file, watcher))
        show(file, outcomes[-1])
    if len(files) > 1 and not quiet:
        say(f"{sum(isinstance(outcome, Receipt) for outcome in outcomes)} of {len(files)} files uploaded")
    return max(outcome.exit_code for outcome in outcomes)


def choose_show(as_json: bool, quiet: bool, qr: bool) -> Show:
    """How an outcome is printed; a failure is also said on stderr, in every manner."""

    def show(file: Path, outcome: Receipt | Failure) -> None:
        if isinstance(outcome, Failure):
            say_error(f"{file}: {outcome.message}")
        if as_json:
            print(to_json(file, outcome), flush=True)
        elif isinstance(outcome, Receipt):
            print(printable(outcome.release_page) if quiet else describe(outcome), flush=True)
            if qr and not quiet:
                segno.make_qr(outcome.release_page).terminal(sys.stdout, compact=True)

    return show


def to_json(file: Path, outcome: Receipt | Failure) -> str:
    """Fenfa's own envelope in one line, and the file that it is about."""
    if isinstance(outcome, Receipt):
        return json.dumps({"file": str(file), "ok": True, "data": outcome.data})
    return json.dumps({"file": str(file), "ok": False, "error": {"code": outcome.code, "message": outcome.message}})


def describe(receipt: Receipt) -> str:
    build = "" if receipt.build is None else f" ({receipt.build})"
    rows = [("warning", warning) for warning in receipt.warnings]
    if receipt.devices:
        known, able = receipt.devices["known"], receipt.devices["installable"]
        rows.append(("devices", f"{able} of {known} known devices can install it"))
    rows += [("page", receipt.page), ("release", receipt.release_page), ("download", receipt.download)]
    lines = [f"  {label:<9} {printable(value)}" for label, value in rows]
    return "\n".join([printable(f"{receipt.name} {receipt.version}{build}"), *lines])


@contextmanager
def watch(file: Path, quiet: bool) -> Iterator[Watcher]:
    """Show how far a file is: a bar on a terminal, lines in a log, or nothing."""
    if quiet:
        yield Lines(file, say=lambda text: None)
    elif not sys.stderr.isatty():
        yield Lines(file, say)
    else:
        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        with Progress(TextColumn("{task.description}", markup=False), *columns, console=Console(stderr=True)) as bar:
            yield Bar(bar, bar.add_task(printable(file.name), total=None))


def say(text: str) -> None:
    print(printable(text), file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Lines:
    file: Path
    say: Callable[[str], None]

    def begin(self, size: int) -> None:
        self.say(f"uploading {self.file} ({decimal(size)})")

    def advance(self, count: int) -> None:
        pass

    def note(self, text: str) -> None:
        self.say(f"{self.file}: {text}")


@dataclass(frozen=True)
class Bar:
    progress: Progress
    task: TaskID

    def begin(self, size: int) -> None:
        self.progress.reset(self.task, total=size)

    def advance(self, count: int) -> None:
        self.progress.advance(self.task, count)

    def note(self, text: str) -> None:
        self.progress.console.print(printable(text), markup=False, highlight=False)
