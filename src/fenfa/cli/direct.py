"""`fenfa upload` past the server: a large file goes straight into the bucket, where the server offers that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from fenfa.cli.pieces import LARGE, Watcher, file_sha256, rest_of

ROUTE = "/uploads/direct"
_MOST_BREAKS = 2  # then the file goes in pieces, which a bad line costs less
_THERE = 412
"""What the bucket answers when it has the file already."""


@dataclass
class Direct:
    """One file on its way into the bucket; what is known of it outlives a try."""

    http: httpx.Client
    file: Path
    fields: Mapping[str, str]
    key: str
    sha256: str = field(default="", init=False)
    _place: str = field(default="", init=False)
    _is_declined: bool = field(default=False, init=False)
    _breaks: int = field(default=0, init=False)

    def send(self, watcher: Watcher) -> httpx.Response | None:
        """One try; the server's last answer. None: it goes another way. Raises httpx.RequestError when a line breaks."""
        if not self._place:
            if self._is_declined or self.file.stat().st_size < LARGE:
                return None
            refusal = self._bring(watcher)
            if not self._place:
                return refusal
        return self.http.post(f"{self._place}/finish")

    def _bring(self, watcher: Watcher) -> httpx.Response | None:
        self.sha256 = self.sha256 or file_sha256(self.file)
        answer = self.http.post(ROUTE, json=self._announcement(), headers={"Idempotency-Key": self.key})
        told = _read_grant(answer)
        if told is None:
            self._is_declined = answer.status_code < 500 and answer.status_code not in (401, 403, 429)
            return None if self._is_declined else answer  # the other way says what is wrong, or takes it
        try:
            self._put(told, watcher)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
            watcher.note(f"cannot reach the bucket from here ({error}); sending it to the server")
            self._is_declined = True
        except httpx.RequestError:
            self._breaks += 1
            self._is_declined = self._breaks > _MOST_BREAKS
            self.sha256 = ""  # the file may have changed
            raise
        else:
            self._place = f"{ROUTE}/{told['upload_id']}"
        return None

    def _announcement(self) -> dict[str, Any]:
        """The fields of a form as JSON has them."""
        told: dict[str, Any] = {**self.fields, "file_name": self.file.name, "sha256": self.sha256}
        told["size_bytes"] = self.file.stat().st_size
        told |= {name: told[name] == "1" for name in ("smart", "create") if name in told}
        return told | ({"build": int(told["build"])} if "build" in told else {})

    def _put(self, told: Mapping[str, Any], watcher: Watcher) -> None:
        """With the server's client, for its TLS settings and patience, but without its token."""
        size = self.file.stat().st_size
        watcher.begin(size)
        request = self.http.build_request(told["method"], told["url"], content=rest_of(self.file, 0, size, watcher))
        request.headers = httpx.Headers({"Host": request.headers["Host"], **told["headers"]})
        answer = self.http.send(request)
        if not answer.is_success and answer.status_code != _THERE:
            raise httpx.WriteError(f"the bucket answered {answer.status_code}", request=request)


def _read_grant(answer: httpx.Response) -> dict[str, Any] | None:
    """What the server gave; None where it refused, or is something else."""
    try:
        told = answer.json()["data"]
        return {name: told[name] for name in ("upload_id", "method", "url", "headers")} if answer.is_success else None
    except (ValueError, KeyError, TypeError):
        return None
