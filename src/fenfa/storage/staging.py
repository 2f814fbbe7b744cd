"""Staging: where the bytes of an upload arrive. One writer a file, held by a lock that dies with its process."""

import errno
import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fenfa.errors import StorageFull, TooLarge
from fenfa.storage.base import ensure_room

SUFFIX = ".part"
WRITE_BACK = 8 * 1024 * 1024
"""Bytes after which the disk is set to work, so that `seal` and everybody else's commits wait for little."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class StagedFile:
    """One upload's file while it is written: reserve, write and hash, then `seal` makes it durable.

    Methods block; one caller at a time. The lock on the file tells a sweep that its writer is alive.
    """

    def __init__(self, path: Path, limit: int, holder: str = "") -> None:
        self.path = path
        self.holder = holder  # the staging folder's name
        self.size = 0
        self.is_spare = False  # a bucket gets its bytes meanwhile: here they reach the disk with `keep`, if ever
        self._limit = limit
        self._sent_to_disk = 0
        self._hash = hashlib.sha256()
        self._fd = _create_locked(path)

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def reserve(self, size: int, floor: int) -> None:
        """Claims disk space for `size` bytes, an upper bound, before they arrive."""
        disk = os.fstatvfs(self._fd)
        ensure_room(disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize, size, floor)
        with no_room_is_full():
            if size:
                _allocate(self._fd, size)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.size + len(data) > self._limit:
            raise TooLarge("the file is larger than the limit of {limit} bytes", limit=self._limit)
        self._hash.update(data)
        with no_room_is_full():
            _write_all(self._fd, data, self.size)
        self.size += len(data)
        if self.size - self._sent_to_disk >= WRITE_BACK and not self.is_spare:
            start_write_back(self._fd, self._sent_to_disk, self.size - self._sent_to_disk)
            self._sent_to_disk = self.size

    def seal(self) -> None:
        """Cuts the reserve off and waits until every byte is on the disk, unless it is spare; keeps the lock."""
        with no_room_is_full():
            os.ftruncate(self._fd, self.size)
            if not self.is_spare:
                os.fdatasync(self._fd)

    def keep(self) -> None:
        """Makes the sealed file outlast a power cut, its name in the folder included: from here on it may be promised."""
        with no_room_is_full():
            os.fdatasync(self._fd)
            sync_folder(self.path.parent)

    def close(self) -> None:
        """Lets go of the lock; the file stays until `discard` or a sweep."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def discard(self) -> None:
        with suppress(FileNotFoundError):
            self.path.unlink()
        self.close()


class Staging:
    """The folder of `StagedFile`s."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.name = _name_of(folder)
        """Random, kept beside it: of several servers on one database, each finishes what lies in its own."""
        sync_folder(folder.parent)

    def create(self, upload_id: str, limit: int) -> StagedFile:
        return StagedFile(self.path(upload_id), limit, self.name)

    def path(self, upload_id: str) -> Path:
        return self.folder / f"{upload_id}{SUFFIX}"

    def require_room(self, size: int, floor: int) -> None:
        """`StorageFull` where `size` more bytes would not fit; that they fit now is no promise."""
        disk = os.statvfs(self.folder)
        ensure_room(disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize, size, floor)

    @contextmanager
    def claimed(self, upload_id: str) -> Iterator[bool]:
        """Waits until nobody else has the file of a finished writer, and holds it meanwhile. False: it is not there."""
        with _opened(self.path(upload_id)) as fd:
            if fd is not None:
                fcntl.flock(fd, fcntl.LOCK_EX)
            yield fd is not None and os.fstat(fd).st_nlink > 0

    def abandoned(self) -> Iterator[str]:
        """The uploads whose writer is gone; each is locked until the next one is asked for."""
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            with _claimed(path) as is_free:
                if is_free:
                    yield path.name.removesuffix(SUFFIX)


def _name_of(folder: Path) -> str:
    """Whole or not there, also when two processes start at once."""
    file = folder.with_name(f"{folder.name}.name")
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    if not file.exists():
        draft.write_text(secrets.token_hex(8))
        with suppress(FileExistsError):
            os.link(draft, file)
        draft.unlink()
    return file.read_text()


@contextmanager
def no_room_is_full() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StorageFull("the server's disk is full; free some space and try again") from error
        raise


def _allocate(fd: int, size: int) -> None:
    try:
        os.posix_fallocate(fd, 0, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise


def start_write_back(fd: int, offset: int, length: int) -> None:
    """Has the kernel write these bytes now and does not wait. Linux does so when told that they are not needed; it lets go of
    no byte that the disk does not have yet, so they stay in memory for the first download."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(fd, offset, length, os.POSIX_FADV_DONTNEED)


def _write_all(fd: int, data: bytes | bytearray | memoryview, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view, offset = view[written:], offset + written


def _create_locked(path: Path) -> int:
    """A new file that is ours. A sweep that saw it before it was locked has removed it: then another."""
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        if os.fstat(fd).st_nlink:
            return fd
        os.close(fd)


@contextmanager
def _claimed(path: Path) -> Iterator[bool]:
    """Whether the file is there and nobody's; it is locked meanwhile."""
    with _opened(path) as fd:
        yield fd is not None and locks(fd)


@contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)


def locks(fd: int) -> bool:
    """Whether the file is ours alone from now on, until it is closed."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def sync_file(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fdatasync(fd)
    finally:
        os.close(fd)


def sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
