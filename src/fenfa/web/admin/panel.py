"""What the pages of the panel share: who may see them, where they lead, how they are shown."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fenfa.errors import Unauthenticated
from fenfa.services import sessions
from fenfa.services.records import Page as Slice
from fenfa.services.tokens import Identity
from fenfa.vocabulary import Scope
from fenfa.web.deps import runtime_of, settings_of
from fenfa.web.i18n import marked
from fenfa.web.pages import render
from fenfa.web.security import identify_caller, is_due, session_cookie

DONE = {
    "saved": marked("Saved."),
    "created": marked("Created."),
    "deleted": marked("Deleted."),
    "moved": marked("Moved."),
    "revoked": marked("Revoked."),
    "discarded": marked("Discarded."),
    "registered": marked("Registered."),
    "erased": marked("Erased."),
    "cancelled": marked("Cancelled."),
    "queued": marked("It goes on."),
    "imported": marked("Imported."),
    "tested": marked("Apple was asked."),
}
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Page:
    """A page with its routes. `icon` is of templates/partials/icons.html, `key` opens it; `also` are paths besides `path` below
    which its entry in the menu counts as the current one. A phone's menu has room for five: what is not in it is reached from
    a page that is."""

    path: str
    label: str
    icon: str
    key: str
    routes: tuple[Route, ...]
    also: tuple[str, ...] = ()
    in_menu: bool = True

    def reach(self, path: str) -> int:
        """How closely the entry fits the path: the length of what both begin with; 0 for not at all."""
        return max((len(root) for root in (self.path, *self.also) if _is_below(path, root)), default=0)


def panel_route(path: str, handle: Handler, *methods: str) -> Route:
    """A route for admins alone; others are led to the login and, from there, back."""

    async def guarded(request: Request) -> Response:
        runtime = runtime_of(request)
        identity = await _admin_of(request)
        if identity is None:
            return RedirectResponse(_login_for(request), 303)
        request.state.identity = identity
        if is_due(request, session_cookie(request)):
            await runtime.database.write(sessions.touch_session, runtime.clock(), session_cookie(request))
        return await handle(request)

    return Route(path, guarded, methods=list(methods or ("GET",)))


async def show(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """The page, inside the panel's frame."""
    from fenfa.web.admin import PAGES  # the menu is made of the pages, and every page is shown with the menu

    organization = (await settings_of(request))["organization"]
    done = DONE.get(request.query_params.get("done", ""))
    menu = [page for page in PAGES if page.in_menu]
    here = max(menu, key=lambda page: page.reach(request.url.path))
    frame = {"pages": PAGES, "menu": menu, "here": here, "done": done, "organization": organization}
    return render(request, template, status, **frame | values)


def page_of(request: Request, limit: int = 50) -> Slice:
    """The slice of a list that `offset` of the address names; the first where it names none."""
    offset = request.query_params.get("offset", "")
    return Slice(limit, int(offset) if re.fullmatch(r"[0-9]{1,12}", offset) else 0)


def back_to(path: str, done: str) -> Response:
    """After a change: the page again, with a word that it is done."""
    return RedirectResponse(f"{path}{'&' if '?' in path else '?'}done={done}", 303)


def link_of(request: Request) -> Callable[..., str]:
    """A function that gives this page's address with some values changed: `link(offset=50)`; empty ones are dropped."""

    def link(**changed: Any) -> str:
        values = {k: v for k, v in request.query_params.items() if k not in ("done", "offset")} | changed
        query = urlencode({k: v for k, v in values.items() if v not in ("", None, 0)})
        return f"{request.url.path}?{query}" if query else request.url.path

    return link


async def _admin_of(request: Request) -> Identity | None:
    """None: nobody whom we know, or no admin. A change that another site sent is refused."""
    try:
        identity = await identify_caller(request, runtime_of(request))
    except Unauthenticated:
        return None
    return identity if identity.may(Scope.ADMIN) else None


def _login_for(request: Request) -> str:
    """The login, which leads back to the page that was asked for."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return "/admin/login" if request.method != "GET" or wanted == "/admin" else f"/admin/login?next={quote(wanted)}"


def _is_below(path: str, root: str) -> bool:
    return path == root or path.startswith(f"{root}/")
