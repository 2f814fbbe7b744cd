"""Tokens: create (the secret is shown once), list, revoke."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from fenfa.services import tokens
from fenfa.services.records import Record
from fenfa.vocabulary import Scope
from fenfa.web import examples
from fenfa.web.deps import Paged, change, guarded, runtime_of
from fenfa.web.envelope import ok, single
from fenfa.web.examples import answers
from fenfa.web.schemas import TokenDraft

router = APIRouter(prefix="/admin/api", tags=["Tokens"], route_class=guarded(Scope.ADMIN))
_SECRET = "fnf_upl_7h8j9k0l1z2x3c4v5b6n7m8q_…"  # noqa: S105 - the form of one, for the reference


@router.get("/tokens", summary="List tokens", **answers(examples.listed(examples.TOKEN), 400))
async def list_tokens(request: Request, page: Paged) -> Response:
    listed = await runtime_of(request).database.read(tokens.list_tokens, page)
    return ok({"items": listed.items, "total": listed.total})


@router.post(
    "/tokens",
    summary="Create a token",
    **answers({**examples.TOKEN, "token": examples.TOKEN, "secret": _SECRET}, 400, status=201),
)
async def create_token(request: Request, draft: TokenDraft) -> Response:
    """`secret` is the token itself. It is shown this once; only its hash is kept."""
    runtime = runtime_of(request)
    now = runtime.clock()
    expiry = tokens.parse_expiry(draft.expires, now)

    made: list[tuple[Record, str]] = []

    def unit(connection: Any) -> str:
        made.append(tokens.create_token(connection, now, runtime.keys.pepper, draft.name, draft.scope, expiry))
        return str(made[0][0]["id"])

    await change(request, "token.create", "", unit)
    token, secret = made[0]
    return single("token", token, 201, secret=secret)


@router.delete("/tokens/{token_id}", summary="Revoke a token", **answers({"revoked": True}, 404))
async def revoke_token(request: Request, token_id: str) -> Response:
    """Takes effect at once, in every process."""
    await change(request, "token.revoke", token_id, tokens.revoke_token, runtime_of(request).clock(), token_id)
    return ok({"revoked": True})
