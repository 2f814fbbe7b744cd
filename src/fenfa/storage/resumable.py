"""Uploads that come in pieces and outlive every connection and process: `<id>.resume` in staging, what was said of it beside it.

The file's length is how far the upload is. It is told after fdatasync alone, so what a client was told is on the disk.
"""

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from fenfa.storage.staging import SUFFIX, WRITE_BACK, locks, no_room_is_full, start_write_back, sync_folder

_BYTES, _FACTS, _WANTED = ".resume", ".json", ".wanted"
_ID = re.compile(r"upl_[a-z0-9]{8,64}")
_PAUSE = 0.01


class Busy(Exception):
    """Another writer holds the file and did not hand it over in time."""


class Piecemeal:
    """One such upload. Methods block."""

    def __init__(self, folder: Path, upload_id: str) -> None:
        self.id, self.folder = upload_id, folder
        self.path = folder / f"{upload_id}{_BYTES}"
        self._facts, self._wanted = folder / f"{upload_id}{_FACTS}", folder / f"{upload_id}{_WANTED}"

    def create(self, facts: dict[str, Any]) -> None:
        with no_room_is_full():
            _write_synced(self._facts, json.dumps(facts).encode())
            _write_synced(self.path, b"")
            sync_folder(self.folder)

    def facts(self) -> dict[str, Any] | None:
        """What `create` was given; None: there is no such upload (any more)."""
        if not _ID.fullmatch(self.id) or not self.path.exists():
            return None
        with suppress(FileNotFoundError):
            return dict(json.loads(self._facts.read_bytes()))
        return None

    @contextmanager
    def held(self, patience: float) -> Iterator["Writer"]:
        """The only writer there is; one that holds it already is asked to let go. `Busy` unless it does so in time."""
        fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            self._wait(fd, patience)
            yield Writer(fd, self._wanted)
        finally:
            os.close(fd)

    def promote(self) -> Path:
        """A staged file like any other of the same bytes. Whoever holds this one holds that, so that no sweep takes it for
        litter; should we end before it is noted, this one is still there."""
        staged = self.folder / f"{self.id}{SUFFIX}"
        with suppress(FileExistsError):
            os.link(self.path, staged)
        sync_folder(self.folder)
        return staged

    def discard(self) -> None:
        for path in (self._wanted, self.path, self._facts):
            path.unlink(missing_ok=True)

    def _wait(self, fd: int, patience: float) -> None:
        deadline = time.monotonic() + patience
        while not locks(fd):
            self._wanted.touch()
            if time.monotonic() > deadline:
                raise Busy
            time.sleep(_PAUSE)
        self._wanted.unlink(missing_ok=True)
        if os.fstat(fd).st_nlink == 0 or not self.path.exists():
            raise FileNotFoundError(self.path)


class Writer:
    def __init__(self, fd: int, wanted: Path) -> None:
        self._fd, self._wanted = fd, wanted
        self._sent_to_disk = os.fstat(fd).st_size

    @property
    def is_wanted(self) -> bool:
        """Whether another writer waits."""
        return self._wanted.exists()

    def offset(self) -> int:
        """How many bytes are on the disk."""
        with no_room_is_full():
            os.fdatasync(self._fd)
        return os.fstat(self._fd).st_size

    def write(self, data: bytes) -> None:
        view, at = memoryview(data), os.fstat(self._fd).st_size
        with no_room_is_full():
            while view:
                written = os.pwrite(self._fd, view, at)
                view, at = view[written:], at + written
        if at - self._sent_to_disk >= WRITE_BACK:
            start_write_back(self._fd, self._sent_to_disk, at - self._sent_to_disk)
            self._sent_to_disk = at

    def cut(self, size: int) -> None:
        os.ftruncate(self._fd, size)


def expired(folder: Path, before: float) -> Iterator[Piecemeal]:
    """Those that nobody has sent anything to since then."""
    for path in folder.glob(f"*{_FACTS}"):
        upload = Piecemeal(folder, path.name.removesuffix(_FACTS))
        with suppress(FileNotFoundError):
            newest = upload.path if upload.path.exists() else path
            if newest.stat().st_mtime <= before:
                yield upload


def _write_synced(path: Path, data: bytes) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, data)
        os.fdatasync(fd)
    finally:
        os.close(fd)
