"""The calendar of what ends, behind a secret address: calendar programs send no headers, so the token stands in the query."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fenfa.errors import Unauthenticated
from fenfa.feeds import CALENDAR
from fenfa.services.expiring import list_endings
from fenfa.services.tokens import REFUSED
from fenfa.vocabulary import Scope
from fenfa.web.deps import runtime_of, urls_of
from fenfa.web.endings import deadline_of, own_endings
from fenfa.web.face import face_of
from fenfa.web.i18n import find_language, translations
from fenfa.web.security import identify_token
from fenfa.web.threads import in_thread


async def calendar(request: Request) -> Response:
    """Takes tokens of the scope `feed` alone: an admin's has no business in an address. `lang` is en or zh."""
    runtime = runtime_of(request)
    text = request.query_params.get("token", "")
    if not text or (await identify_token(request, runtime, text)).scope != Scope.FEED:
        raise Unauthenticated(REFUSED)
    now, urls = runtime.clock(), await urls_of(request)
    language = find_language(request.query_params.get("lang", "")) or face_of(request.headers).language
    translate = translations(language).gettext
    found = await runtime.database.read(list_endings, now, await in_thread(own_endings, runtime))
    body = CALENDAR.write([deadline_of(ending, now, urls, translate) for ending in found])
    headers = {"cache-control": "private, no-cache", "content-disposition": 'inline; filename="expiring.ics"'}
    return Response(body, media_type=CALENDAR.media_type, headers=headers)


ROUTES = (Route("/feeds/expiring.ics", calendar),)
