"""The storage contract and the rules for keys.

A key names one immutable object: `uploads/{product}/{variant}/{release}/{file name}`. Keys are made here alone, from IDs that
the server drew and a file name cleaned by `safe_file_name`; nothing else of a client or a package is ever part of a path.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from fenfa.errors import NotFound, StorageFull
from fenfa.vocabulary import CONTENT_TYPES, file_type

if TYPE_CHECKING:
    from fenfa.storage.direct import Direct
    from fenfa.storage.early import Early

ROOT = "uploads"
META = "meta.json"
LOCAL = "local"
PIECE = 4 * 1024 * 1024
_MAX_NAME_BYTES = 120
_ATTR_CHARS = "!#$&+-.^_`|~"
_UNQUOTABLE = re.compile(r'[^ -~]|["\\%]')
_ID = re.compile(r"[a-z]{3}_[a-z0-9]{8,64}")


@dataclass(frozen=True)
class StoredObject:
    """One object as the store lists it: its key, its size in bytes, and when it came there (seconds since the epoch)."""

    key: str
    size: int
    stored_at: float


@dataclass(frozen=True)
class Address:
    """Where a store is, and who comes there: all that opens it. `kind` is a word of BACKENDS, `name` what `releases.storage`
    says of the store. A local one has a folder, the others have the rest; `bucket` is a name, or for GCS and Azure a URL."""

    kind: str = LOCAL
    name: str = LOCAL
    folder: Path = Path()
    endpoint: str = ""
    bucket: str = ""
    region: str = ""
    public_url: str = ""
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)


class Storage(Protocol):
    """A place for release files. Every method but `link` blocks; call it off the event loop.

    `put` is durable when it returns (a crash or power loss later does not lose the object), never overwrites another
    object, and may be repeated. `StorageFull` when there is no room, `Unavailable` when the store does not answer,
    `UpstreamFailed` when it refuses.
    """

    name: str

    @property
    def direct(self) -> "Direct | None":
        """How clients bring files there themselves; None where they cannot."""

    def put(self, staged: Path, key: str, sha256: str, meta: bytes, twins: Sequence[str] = ()) -> None:
        """Publishes the staged file, whose hash is `sha256`, under `key` with `meta` beside it. `twins` are keys whose objects
        ought to hold the same bytes: they may come to share the new, just verified copy."""

    def follow(self, staged: Path, key: str, size: int) -> "Early | None":
        """Begins to send a file that still comes in, of about `size` bytes, so that `put` finds most of its work done. None where
        that gains nothing."""

    def put_meta(self, key: str, meta: bytes) -> None:
        """Replaces the `meta.json` beside `key`."""

    def path(self, key: str) -> Path | None:
        """The local file behind the key, or None where the store has none (then it is fetched by `link`)."""

    def link(self, key: str) -> str:
        """A URL from which anybody can fetch the object, under its name and type, for some minutes. Empty where the store has
        `path`s."""

    def read(self, key: str, start: int, size: int) -> bytes:
        """`size` bytes of the object from `start`, fewer at its end; `NotFound` without the object."""

    def delete(self, key: str) -> None:
        """Removes the object, its `meta.json` and empty folders; a missing object is fine."""

    def objects(self) -> Iterator[StoredObject]:
        """Every object below `uploads/`, `meta.json` left out."""

    def tidy(self, before: float) -> None:
        """Removes what a crash left that is no object: drafts, lone `meta.json`s and empty folders, if older than that."""

    def probe(self) -> None:
        """Raises `Unavailable` unless a write and a delete succeed."""


@dataclass(frozen=True)
class Placed:
    """An object of a known size, in bytes, that is read by stretches."""

    storage: Storage
    key: str
    size: int

    def read(self, start: int, count: int) -> bytes:
        data = self.storage.read(self.key, start, count)
        if len(data) < min(count, self.size - start):
            raise NotFound("the stored file is cut short")
        return data


def pieces(storage: Storage, key: str, start: int, end: int) -> Iterator[bytes]:
    """The bytes from `start` to `end`, a bounded piece at a time; fewer where the object ends before."""
    while start < end and (piece := storage.read(key, start, min(PIECE, end - start))):
        start += len(piece)
        yield piece


def release_key(product_id: str, variant_id: str, release_id: str, file_name: str) -> str:
    for part in (product_id, variant_id, release_id):
        if not _ID.fullmatch(part):
            raise ValueError("not an ID of this server")
    return f"{ROOT}/{product_id}/{variant_id}/{release_id}/{safe_file_name(file_name)}"


def release_of(key: str) -> str:
    """The release ID inside a key."""
    return key.split("/")[3]


def safe_file_name(name: str) -> str:
    """Letters and digits of any script, `-`, `_` and `.`; at most 120 bytes with the ending kept; never empty, never hidden."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rpartition("/")[2]
    kept = "".join(c if c.isalnum() or c in "-_." else "_" for c in last).lstrip(".-")
    if kept.lower() == META:
        kept = f"_{kept}"
    return _shortened(kept) or "file"


def _shortened(name: str) -> str:
    ending = file_type(name) or name.rpartition(".")[2]
    stem, tail = name[: -len(ending) - 1], name[-len(ending) - 1 :].encode()
    if not stem or len(tail) > 20:
        return name.encode()[:_MAX_NAME_BYTES].decode(errors="ignore")
    return (stem.encode()[: _MAX_NAME_BYTES - len(tail)] + tail).decode(errors="ignore")


def reserve_of(total: int, floor: int) -> int:
    """The bytes of a disk that uploads must leave free: the floor, for -1 5 % of the disk, at most 2 GiB."""
    return min(2 * 1024**3, total // 20) if floor < 0 else floor


def ensure_room(free: int, total: int, wanted: int, floor: int) -> None:
    """Raises `StorageFull` if `wanted` bytes would leave less than the reserve."""
    if free - wanted < reserve_of(total, floor):
        raise StorageFull("not enough space on the server for this file; free some space and try again")


def about_object(key: str) -> dict[str, str]:
    """As what a browser takes the object, by whichever address it comes."""
    name = key.rpartition("/")[2]
    kind = CONTENT_TYPES.get(file_type(name), "application/octet-stream")
    return {"Content-Type": kind, "Content-Disposition": content_disposition(name)}


def content_disposition(file_name: str) -> str:
    """RFC 6266 with the RFC 8187 form beside an ASCII one. No control character, path or direction trick survives."""
    name = "".join("_" if c in "/\\" else c for c in file_name if unicodedata.category(c) not in {"Cc", "Cf", "Cs"})
    name = name.strip(" .") or "download"
    plain = _UNQUOTABLE.sub("_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=_ATTR_CHARS)}"
