"""`fenfa serve`: prepares the data folder and the database, says how to log in, and becomes the server."""

import os
import shutil
import sys
from contextlib import suppress
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from fenfa import __version__
from fenfa.apple.signing import ProfileSigner
from fenfa.cli import new_app
from fenfa.config import (
    DEV_ADMIN_TOKEN,
    DEV_UPLOAD_TOKEN,
    Config,
    ignored_settings,
    process_config,
    unknown_variables,
)
from fenfa.db.shares import refuse_share
from fenfa.errors import BadInput, ConfigInvalid, Unavailable, UpstreamFailed
from fenfa.runtime import Runtime, lock_data_folder, open_runtime
from fenfa.vocabulary import Scope

app = new_app()
SERVERS = ("granian", "uvicorn")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; 0.0.0.0 for your network.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", min=0, max=65535)] = None,
    workers: Annotated[int, typer.Option(help="Worker processes.", min=1, max=64)] = 1,
    server: Annotated[str, typer.Option(help="granian or uvicorn.")] = "granian",
    drain: Annotated[float, typer.Option(help="Seconds that downloads get to finish at shutdown.", min=0)] = 60,
    accel_prefix: Annotated[
        str | None, typer.Option(help="Let nginx send downloads: its internal location, e.g. /_fenfa.")
    ] = None,
    proxy_downloads: Annotated[
        bool, typer.Option("--proxy-downloads", help="Send objects of a bucket through this server.")
    ] = False,
    config: Annotated[Path | None, typer.Option(help="Configuration file; config.json here unless named.")] = None,
) -> None:
    """Run the server.

    \b
    Examples:
      fenfa serve
      fenfa serve --host 0.0.0.0 --port 8080
      FENFA_ADMIN_TOKEN=… fenfa serve --config /etc/fenfa.json
    """
    if server not in SERVERS:
        raise BadInput(f"--server must be one of {', '.join(SERVERS)}")
    given: dict[str, object] = {"HOST": host, "PORT": port, "ACCEL_PREFIX": accel_prefix}
    given |= {"PROXY_DOWNLOADS": True} if proxy_downloads else {}
    settings = _settings(config, given)
    _warn(settings)
    if not settings.database_url:
        refuse_share(settings.database_file)
    lock = lock_data_folder(settings)
    _listen_and_serve(settings, workers, server, drain, lock)


def _listen_and_serve(settings: Config, workers: int, server: str, drain: float, lock: int) -> None:
    from fenfa.web.server import listen
    from fenfa.web.server import serve as become_server
    from fenfa.web.supervisor import Options

    listener = listen(settings.host, settings.port)
    port = listener.getsockname()[1]
    made, code = prepare(settings)
    print(greeting(settings, port, made, code), flush=True)
    os.set_inheritable(lock, True)  # the server holds the lock for as long as it lives
    options = Options(settings.host, port, workers, server, drain, settings.access_log)
    become_server(options, listener)


def _settings(config: Path | None, said: dict[str, object]) -> Config:
    """The configuration, with what the command line says laid over it for the workers too."""
    named = config or (Path(os.environ["FENFA_CONFIG"]) if os.environ.get("FENFA_CONFIG") else None)
    for name, value in {"CONFIG": named and named.absolute(), **said}.items():
        if value is not None:
            os.environ[f"FENFA_{name}"] = str(value)
    settings = process_config(named)
    _refuse_public_defaults(settings)
    return settings


def _warn(settings: Config) -> None:
    for name in ignored_settings(settings):
        print(f"warning: server.{name} is ignored; this version needs no development proxy", file=sys.stderr)
    for name in unknown_variables(os.environ):
        print(f"warning: environment variable {name} is not known; see docs/reference/settings.md", file=sys.stderr)
    now = datetime.now(UTC)
    if warning := ProfileSigner(settings.udid_sign_cert, settings.udid_sign_key).state(now).warning(now):
        print(f"warning: signing profiles: {warning}", file=sys.stderr)
    domain = urlsplit(settings.primary_domain).hostname or "localhost"
    if is_public(domain) and not settings.has_own_tokens:
        print(
            f"warning: {domain} is public, but the tokens are the public defaults; set FENFA_ADMIN_TOKEN",
            file=sys.stderr,
        )


def is_public(host: str) -> bool:
    """Whether others than this machine can reach the address."""
    try:
        return host != "localhost" and not ip_address(host).is_loopback
    except ValueError:
        return True


def _refuse_public_defaults(settings: Config) -> None:
    pairs = (("upload_tokens", "FENFA_UPLOAD_TOKEN"), ("admin_tokens", "FENFA_ADMIN_TOKEN"))
    for name, variable in pairs:
        defaults = {DEV_UPLOAD_TOKEN, DEV_ADMIN_TOKEN} & set(getattr(settings, name))
        if is_public(settings.host) and name in settings.given and defaults:
            advice = f"set {variable} to a secret of your own"
            raise ConfigInvalid(
                f"auth.{name} holds the public default token, and {settings.host} is not this machine alone; {advice}"
            )


def prepare(settings: Config) -> tuple[dict[Scope, str], str]:
    """Migrates, sweeps, and makes the first tokens where they are needed; gives their secrets and a login link's code."""
    from fenfa.db.engine import open_database
    from fenfa.db.migrate import migrate
    from fenfa.services.jobs import release_leases
    from fenfa.services.records import stamp
    from fenfa.services.sessions import make_link
    from fenfa.services.sweeps import sweep_in_turn

    database = open_database(settings.database_url, settings.database_file)
    for sentence in migrate(database):
        print(sentence)
    runtime = open_runtime(settings, database=database)
    _check_key(runtime)
    with suppress(Unavailable, UpstreamFailed):  # a bucket that does not answer keeps nobody from starting
        sweep_in_turn(runtime)
    if database.file:  # the folder's lock says that nobody else is there; beside PostgreSQL others may be at work
        database.write_now(release_leases, stamp(runtime.clock()))
    made = first_tokens(runtime) if is_public(settings.host) and not settings.has_own_tokens else {}
    code = database.write_now(make_link, runtime.clock())
    database.close()
    return made, code


def _check_key(runtime: Runtime) -> None:
    """One server alone may go on without what its old key opened; one of several would make what the others cannot read."""
    from fenfa.services.key_check import is_its_key

    if runtime.database.write_now(is_its_key, runtime.keys):
        return
    place = runtime.keys.file or "FENFA_SECRET_KEY"
    told = f"{place}: is not the secret that this database was begun with: its tokens and stored secrets do not open"
    if runtime.database.file is None:
        runtime.database.close()
        raise ConfigInvalid(f"{told}; set FENFA_SECRET_KEY to the line in the first server's secret.key")
    print(f"warning: {told}; restore that file from a backup", file=sys.stderr)


def first_tokens(runtime: Runtime) -> dict[Scope, str]:
    """One random token of each scope, unless there is any token already."""
    from fenfa.services.tokens import create_token, has_tokens

    if runtime.database.read_now(has_tokens):
        return {}
    now, pepper = runtime.clock(), runtime.keys.pepper
    made = {}
    for scope in (Scope.ADMIN, Scope.UPLOAD):
        _, made[scope] = runtime.database.write_now(create_token, now, pepper, "first start", scope, None)
    return made


def greeting(settings: Config, port: int, made: dict[Scope, str], code: str) -> str:
    """Where the server is and how to log in."""
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    address = f"http://{'localhost' if shown in ('0.0.0.0', '[::]') else shown}:{port}"  # noqa: S104 - compared, not bound
    log_in = f"log in:   {address}/admin/login?code={code}   (once, within ten minutes)"
    lines = [f"Fenfa {__version__} is at {address}", log_in, *_token_lines(settings, made)]
    program = "fenfa" if shutil.which("fenfa") else sys.argv[0]
    lines.append(f"first upload:   {program} upload app.apk --create --server {address} --token ADMIN_TOKEN")
    return "\n".join(lines)


def _token_lines(settings: Config, made: dict[Scope, str]) -> list[str]:
    if made:
        note = "keep them: they are shown this once, and only their hashes are stored"
        return [f"admin token:   {made[Scope.ADMIN]}", f"upload token:  {made[Scope.UPLOAD]}", f"({note})"]
    if settings.has_own_tokens:
        return ["tokens:   those of your configuration, and those of `fenfa token list`"]
    if is_public(settings.host):
        return ["tokens:   those of `fenfa token list`; `fenfa token create --scope admin` makes another"]
    return [
        f"admin token:   {DEV_ADMIN_TOKEN}",
        f"upload token:  {DEV_UPLOAD_TOKEN}",
        "(public defaults, valid from this machine alone; --host 0.0.0.0 makes secret ones for your network)",
    ]
