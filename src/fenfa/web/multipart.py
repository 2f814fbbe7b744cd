"""Receiving a multipart form with one file: fields into memory, the file straight into staging, hashed on the way.

Writing and hashing happen in a thread, one batch behind the network; at most two batches are in memory, whatever the file's size.
"""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from fenfa.errors import BadInput, TooLarge
from fenfa.runtime import Runtime
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
_BATCH = 256 * 1024  # small enough that hashing finds it in the processor's cache


@dataclass
class Form:
    """What came: fields as text, and the sealed file, whose owner is whoever called `receive_form`."""

    upload_id: str
    fields: dict[str, str] = field(default_factory=dict)
    file: StagedFile | None = None
    file_name: str = ""

    def discard(self) -> None:
        """Blocks."""
        if self.file is not None:
            self.file.discard()


async def receive_form(request: Request, runtime: Runtime) -> Form:
    """The whole form, its file durable in staging. Raises with nothing left behind."""
    form = Form(new_id("upl"))
    try:
        await _Receiver(request, runtime, form).run()
    except BaseException:
        if form.file is not None:
            await asyncio.shield(asyncio.to_thread(form.discard))
        raise
    return form


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


class _Receiver:
    def __init__(self, request: Request, runtime: Runtime, form: Form) -> None:
        self._request, self._runtime, self._form = request, runtime, form
        self._thread = ThreadPoolExecutor(1, "receive")  # its own, so that the file stays with one processor's cache
        self._parser = PushMultipartParser(_boundary(request), max_segment_count=MAX_PARTS)
        self._segment: MultipartSegment | None = None
        self._value = bytearray()
        self._batch: list[bytes | bytearray] = []
        self._batched = 0
        self._work: asyncio.Future[None] | None = None

    async def run(self) -> None:
        if _announced(self._request) > self._runtime.config.max_upload_bytes + MAX_ICON_FIELD + MAX_PARTS * MAX_FIELD:
            raise TooLarge(
                "the file is larger than the limit of {limit} bytes", limit=self._runtime.config.max_upload_bytes
            )
        try:
            await self._parse_all()
            if self._form.file is not None:
                await self._begin_work(self._form.file.seal)
                await self._worked()
        except MultipartError as error:
            raise BadInput("the form cannot be read: {reason}", reason=str(error).lower()) from None
        except ClientDisconnect:
            raise BadInput("the client went away before the form was complete") from None
        finally:
            self._thread.shutdown(wait=False)
            await self._worked()

    async def _parse_all(self) -> None:
        async for chunk in self._request.stream():
            if chunk:
                for event in self._parser.parse(chunk):
                    await self._take(event)
        self._parser.close()
        await self._flush()

    async def _take(self, event: MultipartSegment | bytes | bytearray | None) -> None:
        if isinstance(event, MultipartSegment):
            await self._begin(event)
        elif event is None:
            await self._end()
        elif self._takes_file:
            await self._add(event)
        elif self._segment is not None and self._segment.name == ICON_FIELD:
            self._value += event[: MAX_ICON_FIELD + 1 - len(self._value)]  # too much of it is a warning, not a failure
        else:
            self._value += event
            self._require_small_field()

    @property
    def _takes_file(self) -> bool:
        return self._segment is not None and self._segment.name == FILE_FIELD and self._segment.filename is not None

    async def _begin(self, segment: MultipartSegment) -> None:
        self._segment, self._value = segment, bytearray()
        if not self._takes_file:
            return
        if self._form.file is not None:
            raise BadInput(f"{FILE_FIELD} stands twice; send one file a request")
        self._form.file_name = segment.filename or ""
        await self._begin_work(self._open)
        await self._worked()

    def _open(self) -> None:
        config = self._runtime.config
        self._form.file = self._runtime.staging.create(self._form.upload_id, config.max_upload_bytes)
        self._form.file.reserve(min(_announced(self._request), config.max_upload_bytes), config.min_free_bytes)

    async def _add(self, data: bytes | bytearray) -> None:
        self._batch.append(data)
        self._batched += len(data)
        if self._batched >= _BATCH:
            await self._flush()

    async def _flush(self) -> None:
        if self._batch and self._form.file is not None:
            batch, self._batch, self._batched = self._batch, [], 0
            await self._begin_work(_write, self._form.file, batch)

    async def _begin_work(self, call: Callable[..., None], *args: Any) -> None:
        """Work on the file, in a thread, one piece at a time."""
        await self._worked()
        self._work = asyncio.get_running_loop().run_in_executor(self._thread, call, *args)

    async def _worked(self) -> None:
        """The work is done; should this wait be cut off, the next one still finds it, and nothing is left behind."""
        if self._work is not None:
            await asyncio.shield(self._work)
            self._work = None

    async def _end(self) -> None:
        if self._takes_file:
            await self._flush()
        elif self._segment is not None and self._segment.name:
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


def _write(file: StagedFile, batch: list[bytes | bytearray]) -> None:
    for data in batch:
        file.write(data)


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
