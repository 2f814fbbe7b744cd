"""`fenfa upload` over a bad line: a large file goes by tus, so that a broken connection costs what was on its way, not all."""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import httpx

CHUNK_BYTES = 256 * 1024
LARGE = 8 * 1024 * 1024
"""From this size on it is worth a question whether the server takes pieces."""
ROUTE = "/uploads/resumable"
MOVED = frozenset({409, 423})
"""What another connection of the same upload may still change: asking again where it is helps."""
_GONE = (404, 410)


class Watcher(Protocol):
    """Who shows how far a file is."""

    def begin(self, size: int) -> None:
        """A try starts, from the first byte."""

    def advance(self, count: int) -> None:
        """So many more bytes of the file are on their way."""

    def note(self, text: str) -> None:
        """A sentence for people."""


@dataclass
class Pieces:
    """One file on its way in pieces. `place` is the upload's address once the server gave one; it outlives a try."""

    http: httpx.Client
    file: Path
    fields: Mapping[str, str]
    place: str = ""
    sha256: str = field(default="", init=False)

    def send(self, watcher: Watcher) -> httpx.Response:
        """One try, from where the server is; its last answer. Raises httpx.RequestError when the line breaks."""
        size = self.file.stat().st_size
        answer = self._find(size)
        if not answer.is_success or "Upload-Offset" not in answer.headers:
            return answer
        offset = int(answer.headers["Upload-Offset"])
        watcher.begin(size)
        watcher.advance(offset)
        if offset < size:
            answer = self._append(offset, size, watcher)
            if not answer.is_success:
                return answer
        return self._complete()

    def _complete(self) -> httpx.Response:
        self.sha256 = self.sha256 or file_sha256(self.file)
        return self.http.post(f"{self.place}/complete")

    def _find(self, size: int) -> httpx.Response:
        """How far the upload is; how it ended, where that answer was lost; a new one where there is none (any more)."""
        if self.place:
            answer = self.http.head(self.place)
            if answer.status_code in _GONE:
                answer = self._complete()
            if answer.status_code not in _GONE:
                return answer
        fields = {"filename": self.file.name, **self.fields}
        said = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in fields.items())
        answer = self.http.post(ROUTE, headers={"Upload-Length": str(size), "Upload-Metadata": said})
        if answer.is_success:
            self.place = f"{ROUTE}/{answer.headers['Location'].rpartition('/')[2]}"
        return answer

    def _append(self, offset: int, size: int, watcher: Watcher) -> httpx.Response:
        headers = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        headers["Content-Length"] = str(size - offset)
        digest, rest = hashlib.sha256(), rest_of(self.file, offset, size - offset, watcher)
        answer = self.http.patch(self.place, headers=headers, content=_hashed(rest, digest))
        if offset == 0 and answer.is_success:
            self.sha256 = digest.hexdigest()
        return answer


def _hashed(chunks: Iterator[bytes], digest: Any) -> Iterator[bytes]:
    for chunk in chunks:
        digest.update(chunk)
        yield chunk


def takes_pieces(http: httpx.Client, file: Path) -> bool:
    """Whether the file is large and the server offers it; an older server, or a proxy in between, does not."""
    if file.stat().st_size < LARGE:
        return False
    return "1.0.0" in http.options(ROUTE).headers.get("Tus-Version", "").split(",")


def rest_of(file: Path, offset: int, left: int, watcher: Watcher) -> Iterator[bytes]:
    """The `left` bytes from the offset on; OSError where it is not as long any more."""
    with file.open("rb", buffering=0) as opened:
        opened.seek(offset)
        while left and (chunk := opened.read(min(CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk
            watcher.advance(len(chunk))
    if left:
        raise OSError("it changed while it was being sent")


def file_sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
