"""Every route of the application, and what each asks of a caller: the table that the matrix and the envelope tests walk."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from fenfa.web.app import create_app


class Gate(NamedTuple):
    """`scope`: none, upload, admin, or panel (a page of the admin panel). `status`: what a caller who may come in gets
    for a request without a body, all IDs unknown. `html`: a page of ours, errors included, and nothing for OpenAPI."""

    scope: str
    status: int
    html: bool = False


TABLE: dict[tuple[str, str], Gate] = {
    ("GET", "/"): Gate("none", 303, html=True),
    ("GET", "/robots.txt"): Gate("none", 200),
    ("GET", "/favicon.ico"): Gate("none", 302),
    ("GET", "/static/{path}"): Gate("none", 404),
    ("GET", "/healthz"): Gate("none", 200),
    ("GET", "/readyz"): Gate("none", 200),
    ("GET", "/metrics"): Gate("none", 200),
    ("GET", "/openapi.json"): Gate("none", 200),
    ("GET", "/docs"): Gate("none", 200, html=True),
    ("GET", "/products/{slug}"): Gate("none", 404, html=True),
    ("GET", "/products/{slug}/latest/{platform}"): Gate("none", 404, html=True),
    ("GET", "/products/{slug}/latest/{platform}/{arch}"): Gate("none", 404, html=True),
    ("GET", "/qr/{release_id}"): Gate("none", 404),
    ("GET", "/apps/{app_id}"): Gate("none", 404, html=True),
    ("GET", "/api/products/{id_or_slug}"): Gate("none", 404),
    ("GET", "/api/products/slug/{slug}"): Gate("none", 404),
    ("GET", "/api/apps/{app_id}"): Gate("none", 404),
    ("GET", "/icon/products/{product_id}"): Gate("none", 404),
    ("GET", "/icon/{any_id}"): Gate("none", 404),
    ("GET", "/d/{release_id}"): Gate("none", 404),
    ("GET", "/ios/{release_id}/manifest.plist"): Gate("none", 404),
    ("GET", "/udid/profile.mobileconfig"): Gate("none", 200),
    ("POST", "/udid/callback"): Gate("none", 400),
    ("GET", "/udid/status"): Gate("none", 200),
    ("GET", "/udid/registered"): Gate("none", 200, html=True),
    ("POST", "/events"): Gate("none", 400),
    ("POST", "/upload"): Gate("upload", 400),
    ("POST", "/smart-upload"): Gate("upload", 400),
    ("GET", "/admin"): Gate("panel", 200, html=True),
    ("GET", "/admin/events"): Gate("panel", 200, html=True),
    ("GET", "/admin/statistics"): Gate("panel", 200, html=True),
    ("GET", "/admin/products"): Gate("panel", 200, html=True),
    ("GET", "/admin/products/new"): Gate("panel", 200, html=True),
    ("POST", "/admin/products/new"): Gate("panel", 400, html=True),
    ("GET", "/admin/products/{product_id}"): Gate("panel", 404, html=True),
    ("POST", "/admin/products/{product_id}"): Gate("panel", 404, html=True),
    ("POST", "/admin/products/{product_id}/icon"): Gate("panel", 404, html=True),
    ("POST", "/admin/products/{product_id}/icon/remove"): Gate("panel", 404, html=True),
    ("POST", "/admin/products/{product_id}/published"): Gate("panel", 404, html=True),
    ("GET", "/admin/products/{product_id}/delete"): Gate("panel", 404, html=True),
    ("POST", "/admin/products/{product_id}/delete"): Gate("panel", 404, html=True),
    ("GET", "/admin/products/{product_id}/variants/new"): Gate("panel", 404, html=True),
    ("POST", "/admin/products/{product_id}/variants/new"): Gate("panel", 404, html=True),
    ("GET", "/admin/variants/{variant_id}"): Gate("panel", 404, html=True),
    ("POST", "/admin/variants/{variant_id}"): Gate("panel", 404, html=True),
    ("POST", "/admin/variants/{variant_id}/order"): Gate("panel", 404, html=True),
    ("POST", "/admin/variants/{variant_id}/published"): Gate("panel", 404, html=True),
    ("GET", "/admin/variants/{variant_id}/delete"): Gate("panel", 404, html=True),
    ("POST", "/admin/variants/{variant_id}/delete"): Gate("panel", 404, html=True),
    ("GET", "/admin/releases/{release_id}"): Gate("panel", 404, html=True),
    ("POST", "/admin/releases/{release_id}"): Gate("panel", 404, html=True),
    ("POST", "/admin/releases/{release_id}/move"): Gate("panel", 404, html=True),
    ("GET", "/admin/releases/{release_id}/delete"): Gate("panel", 404, html=True),
    ("POST", "/admin/releases/{release_id}/delete"): Gate("panel", 404, html=True),
    ("GET", "/admin/settings"): Gate("panel", 200, html=True),
    ("POST", "/admin/settings"): Gate("panel", 400, html=True),
    ("POST", "/admin/settings/try-storage"): Gate("panel", 200, html=True),
    ("GET", "/admin/tokens"): Gate("panel", 200, html=True),
    ("POST", "/admin/tokens"): Gate("panel", 400, html=True),
    ("GET", "/admin/tokens/{token_id}"): Gate("panel", 404, html=True),
    ("POST", "/admin/tokens/{token_id}/revoke"): Gate("panel", 404, html=True),
    ("GET", "/admin/devices"): Gate("panel", 200, html=True),
    ("GET", "/admin/devices/register"): Gate("panel", 200, html=True),
    ("POST", "/admin/devices/register"): Gate("panel", 400, html=True),
    ("GET", "/admin/devices/import"): Gate("panel", 200, html=True),
    ("POST", "/admin/devices/import"): Gate("panel", 400, html=True),
    ("POST", "/admin/devices/import/apple"): Gate("panel", 400, html=True),
    ("GET", "/admin/devices/{device_id}"): Gate("panel", 404, html=True),
    ("POST", "/admin/devices/{device_id}/register"): Gate("panel", 404, html=True),
    ("GET", "/admin/devices/{device_id}/erase"): Gate("panel", 404, html=True),
    ("POST", "/admin/devices/{device_id}/erase"): Gate("panel", 404, html=True),
    ("GET", "/admin/apple"): Gate("panel", 200, html=True),
    ("GET", "/admin/apple/new"): Gate("panel", 200, html=True),
    ("POST", "/admin/apple/new"): Gate("panel", 400, html=True),
    ("GET", "/admin/apple/{team_id}"): Gate("panel", 404, html=True),
    ("POST", "/admin/apple/{team_id}"): Gate("panel", 404, html=True),
    ("POST", "/admin/apple/{team_id}/test"): Gate("panel", 404, html=True),
    ("POST", "/admin/apple/{team_id}/delete"): Gate("panel", 404, html=True),
    ("GET", "/admin/jobs"): Gate("panel", 200, html=True),
    ("GET", "/admin/jobs/{job_id}"): Gate("panel", 404, html=True),
    ("POST", "/admin/jobs/{job_id}/cancel"): Gate("panel", 404, html=True),
    ("POST", "/admin/jobs/{job_id}/retry"): Gate("panel", 404, html=True),
    ("GET", "/admin/exports"): Gate("panel", 200, html=True),
    ("GET", "/admin/about"): Gate("panel", 200, html=True),
    ("GET", "/admin/login"): Gate("none", 200, html=True),
    ("POST", "/admin/login"): Gate("none", 403, html=True),
    ("POST", "/admin/logout"): Gate("none", 403, html=True),
    ("GET", "/admin/upload"): Gate("panel", 200, html=True),
    ("POST", "/admin/upload"): Gate("panel", 400, html=True),
    ("GET", "/admin/uploads/{upload_id}"): Gate("panel", 404, html=True),
    ("POST", "/admin/uploads/{upload_id}"): Gate("panel", 404, html=True),
    ("POST", "/admin/uploads/{upload_id}/discard"): Gate("panel", 303, html=True),
    ("POST", "/preferences"): Gate("none", 303, html=True),
    ("POST", "/admin/api/smart-upload"): Gate("admin", 400),
    ("POST", "/admin/api/parse-app"): Gate("admin", 400),
    ("GET", "/admin/api/products"): Gate("admin", 200),
    ("POST", "/admin/api/products"): Gate("admin", 400),
    ("GET", "/admin/api/products/{product_id}"): Gate("admin", 404),
    ("PUT", "/admin/api/products/{product_id}"): Gate("admin", 400),
    ("PUT", "/admin/api/products/{product_id}/icon"): Gate("admin", 404),
    ("DELETE", "/admin/api/products/{product_id}/icon"): Gate("admin", 404),
    ("DELETE", "/admin/api/products/{product_id}"): Gate("admin", 404),
    ("POST", "/admin/api/products/{product_id}/variants"): Gate("admin", 400),
    ("GET", "/admin/api/variants/{variant_id}"): Gate("admin", 404),
    ("PUT", "/admin/api/variants/{variant_id}"): Gate("admin", 400),
    ("DELETE", "/admin/api/variants/{variant_id}"): Gate("admin", 404),
    ("GET", "/admin/api/variants/{variant_id}/stats"): Gate("admin", 404),
    ("GET", "/admin/api/products/{product_id}/stats"): Gate("admin", 404),
    ("GET", "/admin/api/releases/{release_id}/stats"): Gate("admin", 404),
    ("GET", "/admin/api/releases/{release_id}"): Gate("admin", 404),
    ("PUT", "/admin/api/releases/{release_id}"): Gate("admin", 400),
    ("POST", "/admin/api/releases/{release_id}/move"): Gate("admin", 400),
    ("GET", "/admin/api/releases/{release_id}/changes"): Gate("admin", 404),
    ("GET", "/admin/api/releases/{release_id}/installability"): Gate("admin", 404),
    ("DELETE", "/admin/api/releases/{release_id}"): Gate("admin", 404),
    ("PUT", "/admin/api/apps/{any_id}/publish"): Gate("admin", 404),
    ("PUT", "/admin/api/apps/{any_id}/unpublish"): Gate("admin", 404),
    ("GET", "/admin/api/apps"): Gate("admin", 200),
    ("GET", "/admin/api/apps/{app_id}"): Gate("admin", 404),
    ("GET", "/admin/api/events"): Gate("admin", 200),
    ("GET", "/admin/api/ios_devices"): Gate("admin", 200),
    ("GET", "/admin/api/ios_variants"): Gate("admin", 200),
    ("GET", "/admin/api/settings"): Gate("admin", 200),
    ("PUT", "/admin/api/settings"): Gate("admin", 400),
    ("GET", "/admin/api/upload-config"): Gate("admin", 200),
    ("GET", "/admin/api/tokens"): Gate("admin", 200),
    ("POST", "/admin/api/tokens"): Gate("admin", 400),
    ("DELETE", "/admin/api/tokens/{token_id}"): Gate("admin", 404),
    ("GET", "/feeds/expiring.ics"): Gate("none", 401),
    ("GET", "/admin/api/expiring"): Gate("admin", 200),
    ("GET", "/admin/api/jobs"): Gate("admin", 200),
    ("GET", "/admin/api/jobs/{job_id}"): Gate("admin", 404),
    ("POST", "/admin/api/jobs/{job_id}/cancel"): Gate("admin", 404),
    ("POST", "/admin/api/jobs/{job_id}/retry"): Gate("admin", 404),
    ("GET", "/admin/api/apple/status"): Gate("admin", 200),
    ("GET", "/admin/api/apple/devices"): Gate("admin", 400),
    ("GET", "/admin/api/apple/teams"): Gate("admin", 200),
    ("POST", "/admin/api/apple/teams"): Gate("admin", 400),
    ("GET", "/admin/api/apple/teams/{team_id}"): Gate("admin", 404),
    ("PUT", "/admin/api/apple/teams/{team_id}"): Gate("admin", 400),
    ("DELETE", "/admin/api/apple/teams/{team_id}"): Gate("admin", 404),
    ("POST", "/admin/api/apple/teams/{team_id}/test"): Gate("admin", 404),
    ("POST", "/admin/api/devices/register-apple"): Gate("admin", 400),
    ("POST", "/admin/api/devices/{device_id}/register-apple"): Gate("admin", 404),
    ("POST", "/admin/api/apple/registrations"): Gate("admin", 400),
    ("POST", "/admin/api/apple/registrations/plan"): Gate("admin", 400),
    ("POST", "/admin/api/apple/import"): Gate("admin", 400),
    ("GET", "/admin/api/devices/{device_id}/registrations"): Gate("admin", 404),
    ("POST", "/admin/api/devices/import"): Gate("admin", 400),
    ("GET", "/admin/exports/apple_devices.txt"): Gate("admin", 200),
    ("GET", "/admin/exports/releases.csv"): Gate("admin", 200),
    ("GET", "/admin/exports/events.csv"): Gate("admin", 200),
    ("GET", "/admin/exports/ios_devices.csv"): Gate("admin", 200),
}
UNKNOWN = {
    "product_id": "prd_unknown",
    "variant_id": "var_unknown",
    "release_id": "rel_unknown",
    "upload_id": "upl_unknown",
    "token_id": "tok_unknown",
    "job_id": "job_unknown",
    "team_id": "team_unknown",
    "device_id": "dev_unknown",
    "app_id": "app_unknown",
    "any_id": "app_unknown",
    "id_or_slug": "unknown",
    "slug": "unknown",
    "path": "unknown.css",
    "platform": "ios",
    "arch": "arm64",
}


def every_route() -> set[tuple[str, str]]:
    """(method, path template) of all that the application answers; HEAD goes with GET."""
    return set(_walk(create_app().routes))


def address(path: str) -> str:
    """The template with an unknown ID of the right kind in every place."""
    return path.format(**UNKNOWN)


def _walk(routes: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for route in routes:
        if hasattr(route, "original_router"):
            yield from _walk(route.original_router.routes)
        elif getattr(route, "methods", None):
            yield from ((method, route.path) for method in route.methods - {"HEAD"})
        else:
            yield ("GET", route.path + "/{path}")
