"""The manifest of an iOS release."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fenfa.errors import NotFound
from fenfa.feeds import IOS_MANIFEST
from fenfa.feeds.base import FeedItem
from fenfa.services.releases import find_visible_release
from fenfa.services.visibility import PUBLIC
from fenfa.vocabulary import Platform
from fenfa.web.deps import runtime_of, urls_of


async def manifest(request: Request) -> Response:
    """Any user agent may fetch it: iOS itself does, and CI that checks the link."""
    release_id = request.path_params["release_id"]
    release = await runtime_of(request).database.read(find_visible_release, release_id, PUBLIC)
    if release["platform"] != Platform.IOS:
        raise NotFound("this release is not for iOS, so it has no manifest")
    urls = await urls_of(request)
    item = FeedItem(
        title=release["product_name"],
        identifier=release["package"].get("identifier") or release["identifier"],
        version=release["version"] or str(release["build"]),
        download_url=urls.download(release["id"]),
        icon_url=urls.icon(release["product_id"], release["product_icon_sha256"]),
    )
    body = IOS_MANIFEST.write([item])
    return Response(body, media_type=IOS_MANIFEST.media_type, headers={"cache-control": "no-cache"})


ROUTES = (Route("/ios/{release_id}/manifest.plist", manifest),)
