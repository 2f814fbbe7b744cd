"""The API reference: `/openapi.json` and a page made from it at `/docs`, without anybody else's script."""

from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fenfa import __version__
from fenfa.web.envelope import JSON
from fenfa.web.pages import render

_ABOUT = (
    'Every JSON answer is `{"ok": true, "data": …}` or `{"ok": false, "error": {"code", "message"}}`. Send a token as '
    "`X-Auth-Token` or `Authorization: Bearer`; `admin` includes `upload`. Times are RFC 3339 in UTC, sizes are bytes."
)
_UPLOADS = ("/upload", "/smart-upload", "/uploads/")


def openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(title="Fenfa", version=__version__, description=_ABOUT, routes=app.routes)
        for path, operations in schema["paths"].items():
            for operation in operations.values():
                _clean(path, operation)
        header = {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}
        schema.setdefault("components", {})["securitySchemes"] = {
            "token": header,
            "bearer": {"type": "http", "scheme": "bearer"},
        }
        app.openapi_schema = schema
    return app.openapi_schema


def _clean(path: str, operation: dict[str, Any]) -> None:
    """Tokens where they are needed; without the framework's own 422, which Fenfa answers as 400."""
    if path.startswith(("/admin/", *_UPLOADS)):
        operation["security"] = [{"token": []}, {"bearer": []}]
    refusal = operation["responses"].get("422", {})
    if "HTTPValidationError" in str(refusal):
        del operation["responses"]["422"]


async def openapi_json(request: Request) -> Response:
    return Response(_encoded(request.app), media_type=JSON)


@cache
def _encoded(app: FastAPI) -> bytes:
    from pydantic_core import to_json

    return to_json(openapi(app))


async def docs_page(request: Request) -> Response:
    schema = openapi(request.app)
    groups: dict[str, list[dict[str, Any]]] = {}
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            shown = {"path": path, "method": method.upper(), "fields": _fields(schema, operation), **operation}
            groups.setdefault(operation["tags"][-1], []).append(shown)
    return render(request, "public/docs.html", about=_ABOUT, groups=groups)


def _fields(schema: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    """The body's fields by name, with the reference to their shape followed."""
    content = operation.get("requestBody", {}).get("content", {})
    body: dict[str, Any] = next((media.get("schema", {}) for media in content.values()), {})
    name = body.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = schema["components"]["schemas"][name] if name else body
    return dict(found.get("properties", {}))


ROUTES = (Route("/openapi.json", openapi_json), Route("/docs", docs_page))
