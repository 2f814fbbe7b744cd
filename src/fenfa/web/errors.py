"""Errors as answers: the only place that turns a FenfaError into an HTTP status."""

import logging
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from fenfa.errors import BadInput, FenfaError, MethodNotAllowed, NotFound, PartGone, TooLarge
from fenfa.web.envelope import fail
from fenfa.web.face import face_of
from fenfa.web.pages import error_text, render
from fenfa.web.security import SECURITY_HEADERS

STATUS = {
    "BAD_REQUEST": 400,
    "UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "CONFLICT": 409,
    "NOT_OFFERED": 409,
    "PAYLOAD_TOO_LARGE": 413,
    "BAD_PACKAGE": 422,
    "RATE_LIMITED": 429,
    "INTERNAL_ERROR": 500,
    "UPSTREAM_ERROR": 502,
    "UNAVAILABLE": 503,
    "INSUFFICIENT_STORAGE": 507,
}
_PAGES = ("/products/", "/apps/", "/admin", "/docs", "/preferences", "/udid/registered")
_NOT_PAGES = ("/admin/api/", "/admin/exports/")
log = logging.getLogger("fenfa.web")


async def on_fenfa_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, FenfaError)
    if STATUS[error.code] >= 500:
        log.error("request refused", exc_info=error, extra={"path": request.url.path})
    return _answer(request, error)


async def on_http_error(request: Request, error: Exception) -> Response:
    """The framework's own 404, 405 and the like; what it caught while it read the body is its cause."""
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, FenfaError):
        return await on_fenfa_error(request, error.__cause__)
    known: dict[int, FenfaError] = {
        404: NotFound("not found"),
        405: MethodNotAllowed(f"{request.method} is not allowed here"),
        413: TooLarge("the request is too large"),
    }
    answer = _answer(request, known.get(error.status_code, BadInput("the request cannot be read")))
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer


async def on_invalid(request: Request, error: Exception) -> Response:
    """What pydantic refused, as one sentence that names the field."""
    assert isinstance(error, RequestValidationError)
    return _answer(request, BadInput(_sentence(error.errors()[0])))


async def on_crash(request: Request, error: Exception) -> Response:
    """A bug. Whoever runs the application logs it, with its traceback. This answer passes by all middleware."""
    answer = _answer(request, FenfaError("the server failed; its log says why"))
    answer.headers.update(SECURITY_HEADERS)
    return answer


def _answer(request: Request, error: FenfaError) -> Response:
    status = STATUS[error.code]
    headers = {"retry-after": str(error.retry_after)} if error.retry_after else {}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    if _wants_page(request):
        return _page(request, error, status, headers)
    return fail(status, error.code, error.message, headers)


def _page(request: Request, error: FenfaError, status: int, headers: dict[str, str]) -> Response:
    title = error_text(error, face_of(request.headers).language)
    goal = request.url.path if isinstance(error, PartGone) else ""
    return render(
        request, "public/error.html", status, headers, title=title, code=error.code, status_code=status, goal=goal
    )


def _wants_page(request: Request) -> bool:
    path = request.url.path
    return (path.startswith(_PAGES) or path == "/") and not path.startswith(_NOT_PAGES)


def _sentence(problem: dict[str, Any]) -> str:
    place = [str(part) for part in problem["loc"] if part not in ("body", "query", "path")]
    name = ".".join(part for part in place if not part.isdigit())
    if problem["type"] == "json_invalid":
        return "the body is not valid JSON"
    if problem["type"] == "missing":
        return f"{name} is required" if name else "a JSON body is required"
    if problem["type"] == "extra_forbidden":
        return f"unknown field {name!r}"
    reason = str(problem["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return f"{name}: {reason[:1].lower()}{reason[1:]}" if name else "the body must be a JSON object"
