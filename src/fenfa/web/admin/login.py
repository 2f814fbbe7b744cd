"""Logging in with a token or a one-time link, and out."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fenfa.errors import FenfaError, RateLimited, ScopeMissing, Unauthenticated
from fenfa.services import sessions
from fenfa.vocabulary import Scope
from fenfa.web.deps import runtime_of, settings_of
from fenfa.web.forms import form_of, problem_of
from fenfa.web.pages import render
from fenfa.web.security import (
    PLAIN_COOKIE,
    SECURE_COOKIE,
    client_scheme,
    identify_token,
    require_same_origin,
    session_cookie,
    throttled,
)
from fenfa.web.urls import own_path

_MAX_FORM = 8 * 1024


async def login_page(request: Request) -> Response:
    """With a one-time code: one button. Mail scanners and chat previews that fetch the link use nothing up."""
    return await _form(request, request.query_params.get("next", ""), code=request.query_params.get("code", ""))


async def login(request: Request) -> Response:
    runtime = runtime_of(request)
    require_same_origin(request, runtime)
    sent = await form_of(request, _MAX_FORM)
    goal = sent.get("next", "")
    try:
        value = await (_redeem(request, sent["code"]) if sent.get("code") else _check(request, sent.get("token", "")))
    except RateLimited as error:
        return await _form(request, goal, error, 429)
    except (ScopeMissing, Unauthenticated) as error:
        return await _form(request, goal, error, 401)
    answer = RedirectResponse(own_path(goal, "/admin"), 303)
    _set_cookie(request, answer, value)
    return answer


async def _check(request: Request, token: str) -> str:
    """The cookie's value of a new session for the holder of the token."""
    runtime = runtime_of(request)
    try:
        identity = await identify_token(request, runtime, token.strip())
    except Unauthenticated:
        raise Unauthenticated("this token is not valid; check it for missing letters") from None
    if not identity.may(Scope.ADMIN):
        raise ScopeMissing("this token can upload, but not administer; use an admin token")
    now, replaced = runtime.clock(), session_cookie(request)
    return await runtime.database.write(sessions.open_session, now, identity.id, replaced)


async def _redeem(request: Request, code: str) -> str:
    runtime = runtime_of(request)
    async with throttled(request, runtime):
        return await runtime.database.write(sessions.redeem_link, runtime.clock(), code, session_cookie(request))


async def logout(request: Request) -> Response:
    runtime = runtime_of(request)
    require_same_origin(request, runtime)
    await runtime.database.write(sessions.close_session, session_cookie(request))
    answer = RedirectResponse("/admin/login", 303)
    for name in (PLAIN_COOKIE, SECURE_COOKIE):
        answer.delete_cookie(name, path="/", secure=name == SECURE_COOKIE, httponly=True, samesite="lax")
    return answer


async def _form(
    request: Request, goal: str, error: FenfaError | None = None, status: int = 200, code: str = ""
) -> Response:
    values = {
        "problem": problem_of(request, error) if error else "",
        "organization": (await settings_of(request))["organization"],
    }
    return render(request, "admin/login.html", status, next=goal, code=code, **values)


def _set_cookie(request: Request, answer: Response, value: str) -> None:
    secure = client_scheme(request.scope, runtime_of(request).config.trusted_proxies) == "https"
    name = SECURE_COOKIE if secure else PLAIN_COOKIE
    longest = int(sessions.LONGEST.total_seconds())
    answer.set_cookie(name, value, max_age=longest, path="/", secure=secure, httponly=True, samesite="lax")


ROUTES = (
    Route("/admin/login", login_page, methods=["GET"]),
    Route("/admin/login", login, methods=["POST"]),
    Route("/admin/logout", logout, methods=["POST"]),
)
