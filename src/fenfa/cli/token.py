"""`fenfa token`: tokens of this installation."""

import json
from typing import Annotated

import typer

from fenfa.cli import new_app
from fenfa.cli.here import ConfigFile, open_here
from fenfa.services import tokens
from fenfa.services.records import Page
from fenfa.vocabulary import Scope

app = new_app(help="Create, list and revoke tokens.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def create(
    scope: Annotated[
        Scope, typer.Option(help="upload; admin, which includes it; or feed, for a calendar's address.")
    ] = Scope.UPLOAD,
    name: Annotated[str, typer.Option(help="What it is for, e.g. the name of a CI job.")] = "",
    expires: Annotated[str, typer.Option(help="90d, 12h, an RFC 3339 time, or never.")] = "90d",
    as_json: AsJson = False,
    config: ConfigFile = None,
) -> None:
    """Make a token and print it, this once.

    \b
    Examples:
      fenfa token create --scope upload --name "CI of the app team"
      fenfa token create --scope admin --expires 12h
    """
    runtime = open_here(config)
    now = runtime.clock()
    expiry = tokens.parse_expiry(expires, now)
    made, secret = runtime.database.write_now(
        tokens.create_token, now, runtime.keys.pepper, name or f"{scope} token", scope, expiry
    )
    print(json.dumps(made | {"secret": secret}) if as_json else secret)


@app.command(name="list")
def list_all(as_json: AsJson = False, config: ConfigFile = None) -> None:
    """List the tokens, newest first. Secrets are stored nowhere, so they are not shown."""
    listed = open_here(config).database.read_now(tokens.list_tokens, Page(limit=1000))
    for token in listed.items:
        state = "revoked" if token["revoked_at"] else f"until {token['expires_at'] or 'revoked'}"
        used = f"last used {token['last_used_at']}" if token["last_used_at"] else "never used"
        print(json.dumps(token) if as_json else f"{token['id']}  {token['scope']:6}  {state}  {used}  {token['name']}")


@app.command()
def revoke(
    token_id: Annotated[str, typer.Argument(help="tok_…, as `fenfa token list` shows it.")], config: ConfigFile = None
) -> None:
    """Make a token worthless, at once and for ever."""
    runtime = open_here(config)
    runtime.database.write_now(tokens.revoke_token, runtime.clock(), token_id)
    print(f"revoked {token_id}")
