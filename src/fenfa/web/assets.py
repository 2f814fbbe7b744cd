"""Our own style sheets and scripts: served with a hash in their address, so that browsers keep them for good."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

from fenfa.web.encoding import packed, takes_gzip

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
        takes = takes_gzip(Headers(scope=scope).get("accept-encoding", ""))
        if takes and scope["method"] == "GET" and isinstance(answer, FileResponse):
            answer = _packed_file(path, answer.media_type)
        answer.headers["vary"] = "accept-encoding"
        answer.headers["cache-control"] = _FOREVER if scope["query_string"].startswith(b"v=") else "no-cache"
        return answer


def _packed_file(path: str, media_type: str | None) -> Response:
    return Response(_packed(path), media_type=media_type, headers={"content-encoding": "gzip"})


@cache
def _packed(path: str) -> bytes:
    return packed((FOLDER / path).read_bytes())
