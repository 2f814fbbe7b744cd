"""Language and theme: kept in cookies, chosen by plain buttons on every page."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fenfa.web.face import LANGUAGE_COOKIE, THEME_COOKIE, THEMES
from fenfa.web.forms import form_of
from fenfa.web.i18n import find_language
from fenfa.web.urls import own_path

_YEAR = 365 * 24 * 3600
_MAX_FORM = 8 * 1024


async def set_preferences(request: Request) -> Response:
    chosen = await form_of(request, _MAX_FORM)
    answer = RedirectResponse(own_path(chosen.get("back", ""), "/"), 303)
    if find_language(chosen.get("language", "")):
        answer.set_cookie(LANGUAGE_COOKIE, chosen["language"], _YEAR, samesite="lax")
    theme = chosen.get("theme")
    if theme in THEMES:
        answer.set_cookie(THEME_COOKIE, theme, _YEAR, samesite="lax")
    elif theme == "auto":
        answer.delete_cookie(THEME_COOKIE, samesite="lax")
    return answer


ROUTES = (Route("/preferences", set_preferences, methods=["POST"]),)
