"""What programs ask for that look at every site: robots.txt, and the icon at its old address."""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from fenfa.web.assets import asset
from fenfa.web.deps import runtime_of

_PREVIEWS = ("facebookexternalhit", "LinkedInBot", "Slackbot", "TelegramBot", "Twitterbot", "WhatsApp")
_OPEN = ("/products/", "/icon/")


async def robots(request: Request) -> Response:
    """Search engines are kept out unless they are wanted; who shows a preview of a link in a chat may look at its page."""
    allowed = "".join(f"Allow: {path}\n" for path in _OPEN)
    previews = "".join(f"User-agent: {name}\n" for name in _PREVIEWS) + f"{allowed}Disallow: /\n\n"
    others = allowed if runtime_of(request).config.search_engines else ""
    return PlainTextResponse(f"{previews}User-agent: *\n{others}Disallow: /\n")


async def icon(_request: Request) -> Response:
    return RedirectResponse(asset("favicon.svg"), 302)


ROUTES = (Route("/robots.txt", robots), Route("/favicon.ico", icon))
