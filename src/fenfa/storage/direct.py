"""Uploads that go past the server, straight into a bucket: one PUT, signed with all that it may be.

The signature covers length, SHA-256, type, name and `If-None-Match: *`. A bucket that heeds these takes those very bytes, and
takes them once: what it holds then is what was announced, and nobody who still has the URL can change it.
"""

import base64
import hashlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from fenfa.errors import StoreUnreachable, UpstreamFailed
from fenfa.storage.base import about_object, release_key
from fenfa.storage.presign import Signer
from fenfa.vocabulary import new_id

_SECONDS = 60
_PATIENCE = 20.0
_SUM = "x-amz-checksum-sha256"
_TRIAL, _OTHER = b"fenfa", b"other"


@dataclass(frozen=True)
class Grant:
    """The file goes by PUT to `url` with exactly these `headers`."""

    url: str
    headers: dict[str, str]


@dataclass(frozen=True)
class Arrival:
    """What came: bytes, and their SHA-256 in hexadecimal, if the bucket tells it."""

    size: int
    sha256: str


class Direct:
    """The door of one bucket. Methods block, but for `grant`; `StoreUnreachable` when the bucket does not answer."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._heeds = False

    def grant(self, key: str, size: int, sha256: str, seconds: int) -> Grant:
        """Leave to put these bytes there, for so long."""
        headers = {name.lower(): value for name, value in about_object(key).items()}
        headers |= {"content-length": str(size), "if-none-match": "*", "x-amz-meta-sha256": sha256}
        headers[_SUM] = base64.b64encode(bytes.fromhex(sha256)).decode()
        return Grant(self._signer.url("PUT", key, seconds, headers=headers), headers)

    def arrival(self, key: str) -> Arrival | None:
        """What lies there; None: nothing yet."""
        answer = self._ask("HEAD", key, {"x-amz-checksum-mode": "ENABLED"})
        if answer.status_code == 404:
            return None
        if answer.is_error:
            raise UpstreamFailed("the object store refuses the access key; check it and what it may do")
        digest = base64.b64decode(answer.headers.get(_SUM, ""))
        return Arrival(int(answer.headers["content-length"]), digest.hex())

    def heeds(self) -> bool:
        """Whether the bucket refuses other bytes than were announced, and any that come after them. Tried until it does."""
        self._heeds = self._heeds or self._try()
        return self._heeds

    def _try(self) -> bool:
        key = release_key(
            new_id("prd"), new_id("var"), new_id("rel"), "trial.bin"
        )  # the sweep knows what to do with it
        grant = self.grant(key, len(_TRIAL), hashlib.sha256(_TRIAL).hexdigest(), _SECONDS)
        try:
            taken = [_send("PUT", grant.url, grant.headers, content).is_success for content in (_OTHER, _TRIAL, _TRIAL)]
        finally:
            with suppress(StoreUnreachable):
                self._ask("DELETE", key)
        return taken == [False, True, False]

    def _ask(self, method: str, key: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return _send(method, self._signer.url(method, key, _SECONDS, headers=headers), headers or {})


def _send(method: str, url: str, headers: dict[str, str], content: bytes | None = None) -> httpx.Response:
    said: dict[str, Any] = {"headers": headers, "timeout": _PATIENCE}
    try:
        answer = httpx.request(method, url, content=content, **said)
    except httpx.HTTPError as error:
        raise StoreUnreachable("the object store does not answer; try again in a moment") from error
    if answer.is_server_error:
        raise StoreUnreachable("the object store does not answer; try again in a moment")
    return answer
