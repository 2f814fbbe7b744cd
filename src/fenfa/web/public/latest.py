"""Permanent links to the latest build of a platform."""

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from fenfa.errors import NotFound
from fenfa.services.arches import is_universal, plain_arch, plain_arches
from fenfa.services.catalog import open_catalog
from fenfa.services.visibility import PUBLIC
from fenfa.vocabulary import Platform
from fenfa.web.deps import now_of, runtime_of, urls_of
from fenfa.web.face import face_of
from fenfa.web.public.offers import Offer, Wish, arrange
from fenfa.web.public.page import target_of
from fenfa.web.views import catalog_view


async def latest_release(request: Request) -> Response:
    """The newest build of a platform: its file, or for iOS the page that installs it."""
    params, channel = request.path_params, request.query_params.get("channel")
    if params["platform"] not in set(Platform):
        raise NotFound("this platform is not known; it is one of ios, android, macos, windows and linux")
    catalog = await runtime_of(request).database.read(open_catalog, params["slug"], PUBLIC)
    urls, face = await urls_of(request), face_of(request.headers)
    target = target_of(urls, face, now_of(request))
    shelf = arrange(catalog_view(catalog, urls), catalog.releases, face.visitor, target, Wish())
    release = _newest(shelf.of(params["platform"]), params.get("arch", ""), channel)
    goal = release["actions"]["release_page" if params["platform"] == Platform.IOS else "download"]
    return RedirectResponse(goal, 302, headers={"cache-control": "no-store"})


def _newest(offers: list[Offer], arch: str, channel: str | None) -> dict[str, Any]:
    """Of the best variant that has one; without an architecture, that is the one whose button the page would show."""
    for offer in _built_for(offers, plain_arch(arch)) if arch else offers:
        for release in offer.variant["releases"]:
            if channel is None or release["channel"] == channel:
                return dict(release)
    raise NotFound("there is no such build yet")


def _built_for(offers: list[Offer], arch: str) -> list[Offer]:
    """Those for this processor, then those for any."""
    exact = [offer for offer in offers if arch in plain_arches(offer.variant["arch"])]
    return [*exact, *(offer for offer in offers if is_universal(offer.variant["arch"]))]


ROUTES = (
    Route("/products/{slug}/latest/{platform}", latest_release),
    Route("/products/{slug}/latest/{platform}/{arch}", latest_release),
)
