"""Receiving a multipart form with one file: fields into memory, the file straight into staging, hashed on the way.

All of it happens in a thread of its own, one piece behind the network: what finds the file's end leaves the bytes in the
processor's cache for what hashes them.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from fenfa.errors import BadInput, TooLarge
from fenfa.runtime import Runtime
from fenfa.services.ahead import Ahead, go_ahead
from fenfa.services.packages import UNKNOWN_TYPE
from fenfa.services.texts import has_controls
from fenfa.storage.staging import StagedFile
from fenfa.vocabulary import file_type, new_id
from fenfa.web.bodies import pieces_of, take_in

FILE_FIELD = "app_file"
ICON_FIELD = "icon_base64"
MAX_FIELD = 256 * 1024
MAX_NAME = 1024
MAX_ICON_FIELD = 6 * 1024 * 1024  # 4 MiB of image in base64
MAX_PARTS = 64


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
    taker = _Taker(request, runtime, form, may_go_ahead)
    try:
        await take_in(pieces_of(request), taker.take_all, undo=form.discard)
    except ClientDisconnect:
        raise BadInput("the client went away before the form was complete") from None
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

    def take_all(self, pieces: Iterable[bytes]) -> None:
        with _unreadable_is_bad():
            for piece in filter(None, pieces):
                for event in self._parser.parse(piece):
                    self._take(event)
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
