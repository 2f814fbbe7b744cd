"""Logging in with a token, and out."""

from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fenfa.errors import RateLimited, ScopeMissing, TooLarge, Unauthenticated
from fenfa.services import sessions
from fenfa.vocabulary import Scope
from fenfa.web.deps import runtime_of, settings_of
from fenfa.web.pages import render
from fenfa.web.security import (
    PLAIN_COOKIE,
    SECURE_COOKIE,
    client_scheme,
    identify_token,
    require_same_origin,
    session_cookie,
)

_MAX_FORM = 8 * 1024


async def login_page(request: Request) -> Response:
    return await _form(request, "", 200)


async def login(request: Request) -> Response:
    runtime = runtime_of(request)
    require_same_origin(request, runtime)
    try:
        identity = await identify_token(request, runtime, await _sent_token(request))
        if not identity.may(Scope.ADMIN):
            raise ScopeMissing("this token can upload, but not administer; use an admin token")
    except RateLimited as error:
        return await _form(request, error.message, 429)
    except ScopeMissing as error:
        return await _form(request, error.message, 401)
    except Unauthenticated:
        return await _form(request, "this token is not valid; check it for missing letters", 401)
    value = await runtime.database.write(sessions.open_session, runtime.clock(), identity.id)
    answer = RedirectResponse("/admin", 303)
    _set_cookie(request, answer, value)
    return answer


async def logout(request: Request) -> Response:
    runtime = runtime_of(request)
    require_same_origin(request, runtime)
    await runtime.database.write(sessions.close_session, session_cookie(request))
    answer = RedirectResponse("/admin/login", 303)
    for name in (PLAIN_COOKIE, SECURE_COOKIE):
        answer.delete_cookie(name, path="/", secure=name == SECURE_COOKIE, httponly=True, samesite="lax")
    return answer


async def _form(request: Request, problem: str, status: int) -> Response:
    organization = (await settings_of(request))["organization"]
    return render(request, "admin/login.html", status, problem=problem, organization=organization)


async def _sent_token(request: Request) -> str:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM:
            raise TooLarge("the form is too large")
    return parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0].strip()


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
