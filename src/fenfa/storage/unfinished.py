"""Uploads in parts that nobody will finish: a bucket keeps them, and charges for them, until they are aborted."""

from collections.abc import Iterator
from datetime import datetime
from xml.etree import ElementTree

import httpx

from fenfa.errors import StoreUnreachable
from fenfa.storage.presign import Signer

_SECONDS = 60


def abort_unfinished(signer: Signer, before: float) -> int:
    """Aborts those below `uploads/` that began at `before` (seconds since the epoch) or earlier; gives their number."""
    with httpx.Client(timeout=30) as http:
        old = [(key, upload) for key, upload, began in _unfinished(http, signer) if began <= before]
        for key, upload in old:
            _ask(http, "DELETE", signer.url("DELETE", key, _SECONDS, {"uploadId": upload}))
    return len(old)


def _unfinished(http: httpx.Client, signer: Signer) -> Iterator[tuple[str, str, float]]:
    """Key, upload ID and beginning of each, a page of a thousand at a time."""
    after: dict[str, str] = {}
    while True:
        answer = _ask(http, "GET", signer.url("GET", "", _SECONDS, {"uploads": "", "prefix": "uploads/", **after}))
        page = ElementTree.fromstring(answer.content)  # noqa: S314 - from our own store, whose word we take for the files too
        for one in page.iterfind("{*}Upload"):
            yield _text(one, "Key"), _text(one, "UploadId"), datetime.fromisoformat(_text(one, "Initiated")).timestamp()
        if _text(page, "IsTruncated") != "true":
            return
        after = {"key-marker": _text(page, "NextKeyMarker"), "upload-id-marker": _text(page, "NextUploadIdMarker")}


def _ask(http: httpx.Client, method: str, url: str) -> httpx.Response:
    try:
        answer = http.request(method, url)
    except httpx.HTTPError as error:
        raise StoreUnreachable("the object store does not answer; try again in a moment") from error
    if answer.is_error and answer.status_code != 404:
        raise StoreUnreachable("the object store does not say which uploads are unfinished")
    return answer


def _text(element: ElementTree.Element, name: str) -> str:
    return element.findtext(f"{{*}}{name}") or ""
