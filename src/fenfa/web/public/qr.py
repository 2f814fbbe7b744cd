"""The QR code of a release's page, as a picture of its own: a page with many releases fetches only those that are looked at."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fenfa.services.releases import find_visible_release
from fenfa.services.visibility import PUBLIC
from fenfa.web.deps import runtime_of, urls_of
from fenfa.web.qr import qr_picture


async def release_qr(request: Request) -> Response:
    release = await runtime_of(request).database.read(find_visible_release, request.path_params["release_id"], PUBLIC)
    product = {"id": release["product_id"], "slug": release["product_slug"]}
    link = f"{(await urls_of(request)).short_page(product)}?r={release['id']}"
    return Response(qr_picture(link), media_type="image/svg+xml", headers={"cache-control": "no-cache"})


ROUTES = (Route("/qr/{release_id}", release_qr),)
