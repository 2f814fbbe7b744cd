"""Files to upload: valid zips with one stored member, so that any inspector is content and none has work to do."""

import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.plan import MIB

MEMBER = "content.bin"
UNIQUE_BYTES = 16
"""The archive comment at the very end. An upload sends fresh bytes in its place, so that no two uploads are the same file."""

_OVERHEAD = 30 + 46 + 22 + 2 * len(MEMBER) + UNIQUE_BYTES
_HOLE = bytes(MIB)


class _SparseFile(io.FileIO):
    def write(self, data: Any) -> int:
        if data is not _HOLE:
            return super().write(data)
        self.seek(len(data), os.SEEK_CUR)
        return len(data)


def _chunks(size: int, sparse: bool) -> Iterator[bytes]:
    for _ in range(size // MIB):
        yield _HOLE if sparse else os.urandom(MIB)
    yield os.urandom(size % MIB)


def pad(package: Path, size: int, *, sparse: bool = False) -> None:
    """Append one stored member of `size` bytes to a zip, or make the zip."""
    member = zipfile.ZipInfo(MEMBER)
    member.file_size = size
    mode = "rb+" if package.exists() else "wb+"
    with _SparseFile(package, mode) as file, zipfile.ZipFile(file, "a") as archive:
        with archive.open(member, "w") as content:
            for chunk in _chunks(size, sparse):
                content.write(chunk)
        archive.comment = bytes(UNIQUE_BYTES)


def make_zip(path: Path, size: int, *, sparse: bool = False) -> Path:
    """A zip of exactly `size` bytes (a few more above 2 GB, where the format needs its 64-bit fields)."""
    pad(path, size - _OVERHEAD, sparse=sparse)
    return path
