"""Tokens: who may come in, new ones whose secret is shown once, and revoking."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from fenfa.services import sessions, tokens
from fenfa.services.records import Record, stamp
from fenfa.vocabulary import Scope
from fenfa.web.admin.panel import Page, back_to, link_of, page_of, panel_route, show
from fenfa.web.deps import change, identity_of, runtime_of, urls_of
from fenfa.web.forms import checked, form_of
from fenfa.web.i18n import marked
from fenfa.web.schemas import TokenDraft
from fenfa.web.security import config_tokens

PATH = "/admin/tokens"
EXPIRIES = ("7d", "30d", "90d", "365d", "never")
_HERE = "127.0.0.1"  # from this machine, the public defaults count as well


async def tokens_page(request: Request) -> Response:
    return await _show(request)


async def create(request: Request) -> Response:
    """Shows the secret in the answer itself: no address may hold it, and nothing stores it."""
    runtime, sent = runtime_of(request), await form_of(request)
    draft, problems = checked(TokenDraft, {name: sent.get(name, "") for name in ("name", "scope", "expires")})
    if not problems and draft["expires"] not in EXPIRIES:
        problems = {"expires": marked("choose one of the times")}
    if problems:
        return await _show(request, 400, given=sent, problems=problems)
    now = runtime.clock()
    made: list[tuple[Record, str]] = []

    def unit(connection: Any) -> str:
        expiry = tokens.parse_expiry(draft["expires"], now)
        made.append(tokens.create_token(connection, now, runtime.keys.pepper, draft["name"], draft["scope"], expiry))
        return str(made[0][0]["id"])

    await change(request, "token.create", "", unit)
    token, secret = made[0]
    example = example_of(token["scope"], secret, (await urls_of(request)).base)
    return await _show(request, 201, made=token | {"secret": secret}, example=example)


async def token_page(request: Request) -> Response:
    """Asks whether to revoke, and says what ends with it."""
    runtime, token_id = runtime_of(request), request.path_params["token_id"]
    token = await runtime.database.read(tokens.get_token, token_id)
    count = await runtime.database.read(sessions.count_sessions, runtime.clock(), token_id)
    mine = identity_of(request).id == token_id
    return await show(request, "admin/token.html", token=_with_state(request, token), logins=count, is_mine=mine)


async def revoke(request: Request) -> Response:
    token_id = request.path_params["token_id"]
    await change(request, "token.revoke", token_id, tokens.revoke_token, runtime_of(request).clock(), token_id)
    return back_to(PATH, "revoked")


def example_of(scope: str, secret: str, base: str) -> str:
    """What to do with the token at once: a command, or the address of the calendar."""
    if scope == Scope.FEED:
        return f"{base}/feeds/expiring.ics?token={secret}"
    create = " -F create=1" if scope == Scope.ADMIN else ""
    return f'curl -H "X-Auth-Token: {secret}"{create} -F app_file=@app.apk {base}/smart-upload'


def _with_state(request: Request, token: Record) -> Record:
    """`state`: live, expired or revoked."""
    expired = token["expires_at"] and token["expires_at"] <= stamp(runtime_of(request).clock())
    return token | {"state": "revoked" if token["revoked_at"] else "expired" if expired else "live"}


async def _show(request: Request, status: int = 200, **values: Any) -> Response:
    runtime = runtime_of(request)
    page = page_of(request)
    listed = await runtime.database.read(tokens.list_tokens, page)
    frame = {"given": {}, "problems": {}, "made": None, "example": ""} | values
    return await show(
        request,
        "admin/tokens.html",
        status,
        **frame,
        listed={"items": [_with_state(request, t) for t in listed.items], "total": listed.total, "page": page},
        configured=[(tokens.config_id(t), t) for t in config_tokens(runtime.config, _HERE)],
        link=link_of(request),
    )


PAGE = Page(
    PATH,
    marked("Tokens"),
    "key",
    "t",
    (
        panel_route(PATH, tokens_page),
        panel_route(PATH, create, "POST"),
        panel_route(f"{PATH}/{{token_id}}", token_page),
        panel_route(f"{PATH}/{{token_id}}/revoke", revoke, "POST"),
    ),
    in_menu=False,
)
