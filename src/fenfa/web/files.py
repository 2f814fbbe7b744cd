"""A stored file as an HTTP answer: whole, one range, 304, 412 or 416, as RFC 9110 says (sections 8.8, 13 and 14).

`plan` is pure and decides; `FileAnswer` opens the file and sends what was decided. Whoever counts downloads reads
`answer.plan` before returning the answer. Ranges are half-open in here, [start, end), like every slice in Python.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from io import FileIO
from json import dumps
from pathlib import Path

from starlette.types import Receive, Scope, Send

from fenfa.web.threads import in_far_thread

RawHeaders = Iterable[tuple[bytes, bytes]]

FILE_EXTENSION = "fenfa.file"
"""ASGI extension: `scope["extensions"]["fenfa.file"]["open"](path)` opens a file and returns a path that stays good for
the length of the answer. After `http.response.start`, `{"type": "fenfa.response.file", "path", "start", "end"}` then
stands in place of the body; the server reads the bytes itself."""

CHUNK = 128 * 1024
_CONDITIONS = {b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since", b"if-range", b"range"}
_KEPT_BY_304 = {"cache-control", "content-location", "expires", "vary"}
_SINGLE_RANGE = re.compile(r"bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*", re.IGNORECASE)
_ENTITY_TAG = re.compile(r'(?:W/)?("[^"]*")')
_BEYOND_ANY_FILE = 10**18


@dataclass(frozen=True, slots=True)
class Plan:
    """What the answer will be. `start` and `end` bound the bytes of the file that its Content-Length speaks of."""

    status: int
    start: int = 0
    end: int = 0
    sends: bool = False

    @property
    def begins(self) -> bool:
        """Whether the first byte goes out: one such answer is one download, however many ranges follow."""
        return self.sends and self.start == 0


def plan(method: str, headers: RawHeaders, size: int, etag: str, modified: float) -> Plan:
    """Decide the answer to GET or HEAD. `headers` are raw ASGI headers, `etag` is strong and quoted."""
    given = _conditions(headers)
    if not given:
        return Plan(200, 0, size, sends=method == "GET")
    if _expects_another(given, etag, modified):
        return Plan(412)
    if _is_known(given, etag, modified):
        return Plan(304)
    wanted = given.get("range")
    if wanted is None or method != "GET" or not _is_same(given.get("if-range"), etag, modified):
        return Plan(200, 0, size, sends=method == "GET")
    return _plan_range(wanted, size)


def _conditions(headers: RawHeaders) -> dict[str, str]:
    given: dict[str, str] = {}
    for raw_name, raw_value in headers:
        if raw_name in _CONDITIONS:
            name, value = raw_name.decode(), raw_value.decode("latin-1").strip()
            given[name] = f"{given[name]}, {value}" if name in given else value
    return given


def _expects_another(given: dict[str, str], etag: str, modified: float) -> bool:
    if "if-match" in given:
        return not names_tag(given["if-match"], etag, weakly=False)
    date = _timestamp(given.get("if-unmodified-since"))
    return date is not None and int(modified) > date


def _is_known(given: dict[str, str], etag: str, modified: float) -> bool:
    if "if-none-match" in given:
        return names_tag(given["if-none-match"], etag)
    date = _timestamp(given.get("if-modified-since"))
    return date is not None and int(modified) <= date


def _is_same(if_range: str | None, etag: str, modified: float) -> bool:
    if if_range is None or if_range == etag:
        return True
    return _timestamp(if_range) == int(modified)


def names_tag(tags: str, etag: str, *, weakly: bool = True) -> bool:
    """Whether If-Match or If-None-Match names this tag. Weakly: proxies that compress make `W/"x"` of `"x"`."""
    if tags == "*":
        return True
    return any(
        found.group(1) == etag and (weakly or not found.group().startswith("W/"))
        for found in _ENTITY_TAG.finditer(tags)
    )


def _timestamp(date: str | None) -> int | None:
    """Seconds of an HTTP-date, or None: a condition with a malformed date does not exist."""
    if date is None or not date.endswith("GMT"):
        return None
    try:
        return int(parsedate_to_datetime(date).timestamp())
    except (ValueError, OverflowError):
        return None


def _plan_range(wanted: str, size: int) -> Plan:
    whole = Plan(200, 0, size, sends=True)
    found = _SINGLE_RANGE.fullmatch(wanted)
    if not found or not size:  # several ranges, another unit, nonsense: RFC 9110 lets the server answer the whole
        return whole
    first, last = found.groups()
    if not first:
        return whole if not last else _plan_suffix(_bounded(last), size)
    start, end = _bounded(first), _bounded(last) + 1 if last else size
    if end <= start and last:
        return whole
    return Plan(206, start, min(end, size), sends=True) if start < size else Plan(416)


def _plan_suffix(length: int, size: int) -> Plan:
    return Plan(206, max(0, size - length), size, sends=True) if length else Plan(416)


def _bounded(digits: str) -> int:
    """A number of any length without the cost, or the ValueError, of converting thousands of digits."""
    digits = digits.lstrip("0")
    return int(digits or "0") if len(digits) <= 18 else _BEYOND_ANY_FILE


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where the bytes are to be fetched instead of from here."""

    url: str


class FileAnswer:
    """An ASGI answer made of one immutable file. Making it opens the file, so that a missing one raises OSError before
    anything is counted or sent, and one deleted afterwards still goes out whole.

    A file that is not on this machine comes by `pieces(start, end)`, or leads `Elsewhere` whoever asks for its bytes. Whoever
    asks for anything else is answered here.
    """

    def __init__(
        self,
        scope: Scope,
        source: Path | Elsewhere | None,
        *,
        size: int,
        etag: str,
        modified: float,
        content_type: str,
        headers: Mapping[str, str] | None = None,
        accel: str = "",
        pieces: Callable[[int, int], Iterator[bytes]] | None = None,
    ) -> None:
        """`accel`: where nginx finds the file, for its X-Accel-Redirect; empty: we send it."""
        self.plan = plan(scope["method"], scope["headers"], size, etag, modified)
        self._size = size
        self._headers = {
            "accept-ranges": "bytes",
            "etag": etag,
            "last-modified": formatdate(modified, usegmt=True),
            "content-type": content_type,
            **(headers or {}),
        }
        self._error = _refusal(self.plan.status)
        self._accel = accel if self.plan.sends and _leaves_to_nginx(scope["headers"]) else ""
        self._opened: str | FileIO | Elsewhere | None = None
        self._pieces: Iterator[bytes] | None = None
        self._first = b""
        if self._accel and isinstance(source, Path):
            source.stat()
        elif self.plan.sends and isinstance(source, Path):
            self._opened = _open(scope, source)
        elif self.plan.sends and isinstance(source, Elsewhere):
            self._opened = source
        elif self.plan.sends and pieces:
            self._pieces = pieces(self.plan.start, self.plan.end)

    async def begin(self) -> None:
        """Fetches the first piece of what is not on this machine, as opening does with what is, and raises what that raises:
        a store that is down is an answer, not a broken one."""
        if self._pieces:
            self._first = await _next(self._pieces)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if isinstance(self._opened, Elsewhere):
            await _lead(self._opened.url, send)
            return
        raw = [(name.encode("ascii"), value.encode("latin-1")) for name, value in self.final_headers().items()]
        if self._accel:
            told = {
                name: value for name, value in self._headers.items() if name != "accept-ranges"
            }  # nginx adds its own
            raw = [(name.encode("ascii"), value.encode("latin-1")) for name, value in told.items()]
            raw.append((b"x-accel-redirect", self._accel.encode("ascii")))
            await send({"type": "http.response.start", "status": 200, "headers": raw})
            await send({"type": "http.response.body", "body": b""})
            return
        await send({"type": "http.response.start", "status": self.plan.status, "headers": raw})
        if self._pieces:
            await _pass_on(self._first, self._pieces, self.plan.end - self.plan.start, send)
        elif self._opened is None:
            await send({"type": "http.response.body", "body": self._error if scope["method"] == "GET" else b""})
        elif isinstance(self._opened, str):
            span = {"path": self._opened, "start": self.plan.start, "end": self.plan.end}
            await send({"type": "fenfa.response.file", **span})
        else:
            with self._opened:
                await _stream(self._opened, self.plan.start, self.plan.end, send)

    def final_headers(self) -> dict[str, str]:
        """Those of the answer as planned."""
        planned, length = self.plan, str(self.plan.end - self.plan.start)
        if planned.status == 304:
            kept = {name: value for name, value in self._headers.items() if name.lower() in _KEPT_BY_304}
            return {"etag": self._headers["etag"], "last-modified": self._headers["last-modified"], **kept}
        if planned.status == 206:
            span = f"bytes {planned.start}-{planned.end - 1}/{self._size}"
            return {**self._headers, "content-range": span, "content-length": length}
        if planned.status == 200:
            return {**self._headers, "content-length": length}
        body = {
            "content-type": "application/json",
            "content-length": str(len(self._error)),
            "cache-control": "no-store",
        }
        return {**body, "content-range": f"bytes */{self._size}"} if planned.status == 416 else body


def _leaves_to_nginx(headers: RawHeaders) -> bool:
    """nginx holds If-Match against its own tag of the file before it takes ours, so what depends on that is sent from here."""
    return not any(name in (b"if-match", b"if-unmodified-since") for name, _ in headers)


def _refusal(status: int) -> bytes:
    words = {
        412: ("CONFLICT", "the file is not the one that If-Match or If-Unmodified-Since names"),
        416: ("BAD_REQUEST", "the range lies outside the file"),
    }
    if status not in words:
        return b""
    code, message = words[status]
    return dumps({"ok": False, "error": {"code": code, "message": message}}).encode()


def _open(scope: Scope, path: Path) -> str | FileIO:
    extension = scope.get("extensions", {}).get(FILE_EXTENSION)
    return str(extension["open"](path)) if extension else path.open("rb", buffering=0)


async def _lead(url: str, send: Send) -> None:
    """The address holds for some minutes, so nobody may keep it."""
    told = {"location": url, "content-length": "0", "cache-control": "no-store", "referrer-policy": "no-referrer"}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in told.items()]
    await send({"type": "http.response.start", "status": 302, "headers": raw})
    await send({"type": "http.response.body", "body": b""})


async def _next(pieces: Iterator[bytes]) -> bytes:
    return await in_far_thread(next, pieces, b"")


async def _pass_on(piece: bytes, pieces: Iterator[bytes], length: int, send: Send) -> None:
    """`piece` is the first one."""
    while piece:
        length -= len(piece)
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        piece = await _next(pieces) if length else b""
    if length:
        raise OSError("the stored file is shorter than its record says")  # the server then drops the connection
    await send({"type": "http.response.body", "body": b""})


async def _stream(file: FileIO, start: int, end: int, send: Send) -> None:
    file.seek(start)
    while start < end:
        chunk = await asyncio.to_thread(file.read, min(CHUNK, end - start))
        if not chunk:
            raise OSError("the file is shorter than its record says")  # the server then drops the connection
        start += len(chunk)
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
