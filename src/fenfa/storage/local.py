"""Release files on a local disk: hard links out of staging, with fsync in the order that survives a power cut."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from fenfa.errors import NotFound, Unavailable
from fenfa.storage.base import META, ROOT, StoredObject
from fenfa.storage.staging import no_room_is_full, sync_folder


class LocalStorage:
    """Keys are paths below `root`, the data directory."""

    name = "local"
    direct = None

    def __init__(self, root: Path) -> None:
        self.root = root
        self._top = root / ROOT
        self._top.mkdir(parents=True, exist_ok=True)
        sync_folder(root)

    def path(self, key: str) -> Path:
        path = self.root / key
        if not key.startswith(ROOT + "/") or ".." in path.parts or "\0" in key:
            raise ValueError("not a storage key")
        return path

    def link(self, key: str) -> str:
        self.path(key)
        return ""

    def put(self, staged: Path, key: str, sha256: str, meta: bytes, twins: Sequence[str] = ()) -> None:
        target = self.path(key)
        with no_room_is_full():
            _make_folder(target.parent)
            self._link(staged, target)
            self._replace(target.parent / META, meta)
            self._sync_up(target.parent)
            for twin in twins:
                self._share(target, self.path(twin))

    def follow(self, staged: Path, key: str, size: int) -> None:
        """A link is made in no time."""

    def put_meta(self, key: str, meta: bytes) -> None:
        folder = self.path(key).parent
        with no_room_is_full():
            self._replace(folder / META, meta)
            sync_folder(folder)

    def read(self, key: str, start: int, size: int) -> bytes:
        try:
            with self.path(key).open("rb") as file:
                file.seek(start)
                return file.read(size)
        except FileNotFoundError:
            raise NotFound("the stored file is missing") from None

    def delete(self, key: str) -> None:
        target = self.path(key)
        for path in (target.parent / META, target):  # the object last: what it leaves beside it would never be found
            path.unlink(missing_ok=True)
        self._prune(target.parent)

    def objects(self) -> Iterator[StoredObject]:
        for path in self._top.glob("*/*/*/*"):
            if path.name != META and not path.name.startswith(".") and path.is_file():
                with suppress(FileNotFoundError):
                    facts = path.lstat()
                    yield StoredObject(str(path.relative_to(self.root)), facts.st_size, facts.st_ctime)

    def tidy(self, before: float) -> None:
        for folder, _, names in os.walk(self._top, topdown=False):
            if Path(folder) != self._top and Path(folder).stat().st_mtime <= before:
                _tidy_folder(Path(folder), set(names))

    def probe(self) -> None:
        path = self._top / ".probe"
        try:
            path.write_bytes(b"fenfa")
            path.unlink(missing_ok=True)  # another process may be probing as well
        except OSError as error:
            raise Unavailable("the storage cannot be written to; check the data directory and its disk") from error

    def _share(self, fresh: Path, twin: Path) -> None:
        """Equal bytes lie on the disk once: the new copy takes the older one's place, and heals it should it have rotted."""
        draft = twin.with_name(f".{META}.{token_hex(4)}")  # named so that `tidy` knows it for what it is
        with suppress(FileNotFoundError):  # deleted meanwhile
            if not twin.samefile(fresh):
                os.link(fresh, draft)
                draft.replace(twin)
                sync_folder(twin.parent)

    def _link(self, source: Path, target: Path) -> None:
        try:
            os.link(source, target)
        except FileExistsError:
            if not source.samefile(target) and file_sha256(source) != file_sha256(target):
                raise

    def _replace(self, path: Path, data: bytes) -> None:
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fdatasync(file.fileno())
        draft.replace(path)

    def _sync_up(self, folder: Path) -> None:
        """Every folder up to the root: another upload, or one that crashed, may have made one and not synced it yet."""
        for level in (folder, *folder.parents):
            sync_folder(level)
            if level == self._top:
                return

    def _prune(self, folder: Path) -> None:
        """Removes the folder and its parents up to the root while they are empty."""
        while folder != self._top:
            try:
                folder.rmdir()
            except OSError:
                return
            folder = folder.parent


def _make_folder(folder: Path) -> None:
    while not folder.is_dir():
        with suppress(FileNotFoundError):  # a deletion may prune a parent that was there a moment ago
            folder.mkdir(parents=True, exist_ok=True)


def _tidy_folder(folder: Path, names: set[str]) -> None:
    drafts = {name for name in names if name.startswith(f".{META}.")}
    rests = names if names - drafts <= {META} else drafts
    for name in rests:
        (folder / name).unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
