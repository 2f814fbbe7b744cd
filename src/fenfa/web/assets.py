"""Our own style sheets and scripts: served with a hash in their address, so that browsers keep them for good."""

import gzip
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

FOLDER = Path(__file__).parent / "static"
_FOREVER = "public, max-age=31536000, immutable"


@cache
def asset(name: str) -> str:
    """The address of a file below `static/`."""
    digest = hashlib.sha256((FOLDER / name).read_bytes()).hexdigest()
    return f"/static/{name}?v={digest[:12]}"


class Assets(StaticFiles):
    """What is asked for by its hash never changes; all else is looked at again."""

    def __init__(self) -> None:
        super().__init__(directory=FOLDER)

    async def get_response(self, path: str, scope: Any) -> Response:
        answer = await super().get_response(path, scope)
        headers = {"vary": "accept-encoding"}
        headers["cache-control"] = _FOREVER if scope["query_string"].startswith(b"v=") else "no-cache"
        if answer.status_code == 200 and "gzip" in Headers(scope=scope).get("accept-encoding", ""):
            kind = answer.headers["content-type"]
            answer = Response(_packed(path), headers={"content-encoding": "gzip", "etag": answer.headers["etag"]})
            answer.headers["content-type"] = kind
        answer.headers.update(headers)
        return answer


@cache
def _packed(path: str) -> bytes:
    return gzip.compress((FOLDER / path).read_bytes(), 9, mtime=0)
