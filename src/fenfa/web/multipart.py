"""Receiving a multipart form with one file: fields into memory, the file straight into staging, hashed on the way.

All of it happens in a thread of its own, a few pieces behind the network: what finds the file's end leaves the bytes in the
processor's cache for what hashes them. At most `_AHEAD` pieces wait, whatever the file's size.
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from queue import SimpleQueue
from typing import Any

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from fenfa.errors import BadInput, TooLarge
from fenfa.runtime import Runtime
from fenfa.services.ahead import Ahead, go_ahead
from fenfa.services.packages import UNKNOWN_TYPE
from fenfa.services.texts import has_controls
from fenfa.storage.staging import StagedFile
from fenfa.vocabulary import file_type, new_id

FILE_FIELD = "app_file"
ICON_FIELD = "icon_base64"
MAX_FIELD = 256 * 1024
MAX_NAME = 1024
MAX_ICON_FIELD = 6 * 1024 * 1024  # 4 MiB of image in base64
MAX_PARTS = 64
_BATCH = 256 * 1024  # a slow client's pieces are small, and each hand-over costs; what waits must stay in the cache

_AHEAD = 2
"""Pieces that may wait; whoever has to wait for room waits until one is left: waking somebody costs more than a hand-over."""


@dataclass
class Form:
    """What came: fields as text, and the sealed file, whose owner is whoever called `receive_form`."""

    upload_id: str
    release_id: str
    fields: dict[str, str] = field(default_factory=dict)
    file: StagedFile | None = None
    file_name: str = ""
    ahead: Ahead | None = None

    def discard(self) -> None:
        """Blocks."""
        self._stay()
        if self.file is not None:
            self.file.discard()

    def keep(self) -> None:
        """The file stays for whoever finishes the upload. Blocks."""
        self._stay()
        if self.file is not None:
            self.file.keep()
            self.file.close()

    def _stay(self) -> None:
        if self.ahead is not None:
            self.ahead.early.give_up()


async def receive_form(request: Request, runtime: Runtime, *, may_go_ahead: bool = False) -> Form:
    """The whole form, its file durable in staging, or on its way to a bucket where it `may_go_ahead`: then the caller ends it
    with `discard` or `keep`. Raises with nothing left behind."""
    form = Form(new_id("upl"), new_id("rel"))
    taker, line = _Taker(request, runtime, form, may_go_ahead), _Line()
    try:
        await _take_all(request, taker, line)
    except ClientDisconnect:
        await line.end(form.discard)
        raise BadInput("the client went away before the form was complete") from None
    except BaseException:
        await line.end(form.discard)
        raise
    await line.end()
    return form


async def _take_all(request: Request, taker: "_Taker", line: "_Line") -> None:
    batch: list[bytes] = []
    batched, enough = 0, 1  # the first piece at once: whoever has no room says so before the rest has come
    async for chunk in request.stream():
        batch.append(chunk)
        batched += len(chunk)
        if batched >= enough:
            await line.put(taker.take, batch)
            batch, batched, enough = [], 0, _BATCH
    await line.put(taker.take, batch)
    await line.put(taker.finish)
    await line.settle()


def require_file(form: Form) -> StagedFile:
    """The form's file, if there is one of a type that is taken."""
    if form.file is None or not form.file_name:
        raise BadInput(f"{FILE_FIELD} is required")
    if form.file.size == 0:
        raise BadInput(f"{FILE_FIELD} is empty")
    require_name(form.file_name)
    return form.file


def require_name(file_name: str) -> None:
    if has_controls(file_name) or len(file_name) > MAX_NAME:
        raise BadInput("the file name must not hold control characters")
    if not file_type(file_name):
        raise BadInput(UNKNOWN_TYPE)


class _Line:
    """A thread that does what it is given, one after the other."""

    def __init__(self) -> None:
        self._loop, self._woken = asyncio.get_running_loop(), asyncio.Event()
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._given = self._done = self._awaited = 0
        self._failure: BaseException | None = None
        self._thread = ThreadPoolExecutor(1, "receive")
        self._thread.submit(self._work)

    def _work(self) -> None:
        while call := self._calls.get():
            if self._failure is None:
                self._try(call)
            self._done += 1
            if self._done == self._awaited:
                self._loop.call_soon_threadsafe(self._woken.set)

    def _try(self, call: Callable[[], None]) -> None:
        try:
            call()
        except BaseException as error:
            self._failure = error

    async def put(self, call: Callable[..., None], *args: Any) -> None:
        """Waits while too much waits. Raises what something earlier raised."""
        self._calls.put(partial(call, *args))
        self._given += 1
        if self._given - self._done > _AHEAD:
            await self._until(self._given - 1)
        if self._failure:
            raise self._failure

    async def settle(self) -> None:
        """Until nothing waits."""
        await self._until(self._given)
        if self._failure:
            raise self._failure

    async def _until(self, count: int) -> None:
        self._awaited = count
        while self._done < count:
            self._woken.clear()
            await self._woken.wait()

    async def end(self, last: Callable[[], None] | None = None) -> None:
        """What still waits is given up; `last` is done all the same, after what is being done, even if this wait is cut off."""
        self._failure = self._failure or asyncio.CancelledError()
        self._calls.put(None)
        ended = self._thread.submit(last) if last else None
        self._thread.shutdown(wait=False)
        if ended:
            await asyncio.shield(asyncio.wrap_future(ended))


class _Taker:
    """Takes a form apart and its file in. Methods block; one caller at a time."""

    def __init__(self, request: Request, runtime: Runtime, form: Form, may_go_ahead: bool) -> None:
        self._runtime, self._config, self._form = runtime, runtime.config, form
        self._may_go_ahead = may_go_ahead
        self._announced = _announced(request)
        if self._announced > self._config.max_upload_bytes + MAX_ICON_FIELD + MAX_PARTS * MAX_FIELD:
            raise TooLarge("the file is larger than the limit of {limit} bytes", limit=self._config.max_upload_bytes)
        self._parser = PushMultipartParser(_boundary(request), max_segment_count=MAX_PARTS)
        self._segment: MultipartSegment | None = None
        self._value = bytearray()

    def take(self, chunks: list[bytes]) -> None:
        with _unreadable_is_bad():
            for chunk in filter(None, chunks):
                for event in self._parser.parse(chunk):
                    self._take(event)

    def finish(self) -> None:
        with _unreadable_is_bad():
            self._parser.close()
        if self._form.file is not None:
            self._form.file.seal()

    def _take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        if isinstance(event, MultipartSegment):
            self._begin(event)
        elif event is None:
            self._end()
        elif self._takes_file and self._form.file is not None:
            self._form.file.write(event)
            if self._form.ahead is not None:
                self._form.ahead.early.reach(self._form.file.size)
        elif self._segment is not None and self._segment.name == ICON_FIELD:
            self._value += event[: MAX_ICON_FIELD + 1 - len(self._value)]  # too much of it is a warning, not a failure
        else:
            self._value += event
            self._require_small_field()

    @property
    def _takes_file(self) -> bool:
        return self._segment is not None and self._segment.name == FILE_FIELD and self._segment.filename is not None

    def _begin(self, segment: MultipartSegment) -> None:
        self._segment, self._value = segment, bytearray()
        if not self._takes_file:
            return
        if self._form.file is not None:
            raise BadInput(f"{FILE_FIELD} stands twice; send one file a request")
        self._form.file_name = segment.filename or ""
        self._form.file = self._runtime.staging.create(self._form.upload_id, self._config.max_upload_bytes)
        most = min(self._announced, self._config.max_upload_bytes)
        self._form.file.reserve(most, self._config.min_free_bytes)
        if self._may_go_ahead:
            self._go_ahead(self._form.file, most)

    def _go_ahead(self, file: StagedFile, size: int) -> None:
        form, runtime = self._form, self._runtime
        names = (form.release_id, form.fields.get("variant_id", ""), form.file_name)
        form.ahead = go_ahead(runtime.storage, runtime.database, file, *names, size)
        file.is_spare = form.ahead is not None

    def _end(self) -> None:
        if self._takes_file or self._segment is None or not self._segment.name:
            return
        if self._segment.name == FILE_FIELD and not self._segment.filename:
            return  # a plain text field of that name is no file
        self._form.fields[self._segment.name] = _text(self._segment.name, self._value)

    def _require_small_field(self) -> None:
        name = self._segment.name if self._segment else ""
        if len(self._value) > MAX_FIELD:
            raise TooLarge(f"field {str(name)[:40]!r} is larger than {MAX_FIELD} bytes")


def _announced(request: Request) -> int:
    """The Content-Length; 0 without one that can be believed."""
    said = request.headers.get("content-length", "")
    return int(said) if re.fullmatch("[0-9]{1,18}", said) else 0


@contextmanager
def _unreadable_is_bad() -> Iterator[None]:
    try:
        yield
    except MultipartError as error:
        raise BadInput("the form cannot be read: {reason}", reason=str(error).lower()) from None


def _text(name: str, value: bytearray) -> str:
    try:
        return value.decode(errors="replace" if name == ICON_FIELD else "strict")
    except UnicodeDecodeError:
        raise BadInput(f"{name[:40]} must be UTF-8 text") from None


def _boundary(request: Request) -> str:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind != "multipart/form-data" or not options.get("boundary"):
        raise BadInput(f"send the form as multipart/form-data with the file in {FILE_FIELD}")
    return str(options["boundary"])
