"""A package inside a zip, such as an APPX in its bundle: opened in place where it is stored, else unpacked in memory."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from fenfa.inspectors.parts.zipsafe import Archive

MAX_UNPACKED = 64 << 20  # of an inner package that is packed once more


@contextmanager
def inner_archive(
    path: Path, outer: Archive, name: str, *, lenient: bool = False, limit: int = MAX_UNPACKED
) -> Iterator[Archive]:
    """The zip that is the member `name` of `outer`, the zip at `path`."""
    stretch = outer.stretch(name)
    if stretch is None:
        with Archive(io.BytesIO(outer.read(name, limit)), lenient=lenient) as archive:
            yield archive
        return
    with path.open("rb") as file, Archive(cast(BinaryIO, _Window(file, *stretch)), lenient=lenient) as archive:
        yield archive


class _Window(io.BufferedIOBase):
    """A stretch of an open file that looks like a file of its own."""

    def __init__(self, file: io.BufferedReader, start: int, size: int) -> None:
        self._file, self._start, self._size = file, start, size
        self._place = 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(base + offset, 0)
        return self._place

    def tell(self) -> int:
        return self._place

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(self._size - self._place, 0)
        self._file.seek(self._start + self._place)
        data = self._file.read(left if size is None or size < 0 else min(size, left))
        self._place += len(data)
        return data
