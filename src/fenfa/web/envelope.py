"""The JSON envelope of every answer: `{"ok": true, "data": …}` or `{"ok": false, "error": {"code", "message"}}`."""

from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json
from starlette.responses import Response

JSON = "application/json"


def ok_bytes(data: Any) -> bytes:
    return to_json({"ok": True, "data": data})


def ok(data: Any, status: int = 200) -> Response:
    return Response(ok_bytes(data), status, media_type=JSON, headers={"cache-control": "no-store"})


def single(name: str, resource: Mapping[str, Any], status: int = 200, **more: Any) -> Response:
    """One resource: its fields at the top, and once more under its name; Fenfa's clients read either."""
    return ok({**resource, name: resource, **more}, status)


def fail(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    body = to_json({"ok": False, "error": {"code": code, "message": message}})
    return Response(body, status, media_type=JSON, headers={"cache-control": "no-store", **(headers or {})})
