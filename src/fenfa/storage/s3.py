"""Release files as objects in a bucket: S3, R2, MinIO, SeaweedFS, and by URL Google Cloud Storage and Azure.

What a local disk gets from links and fsync comes here from an order: the object, with its SHA-256 as metadata; a look whether
the store has it whole; `meta.json`; and only then the row. Several requests make one object where it is large (multipart); a
crash between them leaves parts that `tidy` removes.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, GenericError, PermissionDeniedError, UnauthenticatedError

from fenfa.errors import NotFound, StoreUnreachable, UpstreamFailed
from fenfa.storage.base import META, ROOT, Address, StoredObject, about_object
from fenfa.storage.bucket import QUESTION, open_store, signer_of
from fenfa.storage.direct import Direct
from fenfa.storage.early import Early, follow
from fenfa.storage.unfinished import abort_unfinished

LINK_SECONDS = 600
_ONE_REQUEST = 8 * 1024 * 1024
_MOST_PARTS = 9_000  # S3 takes 10,000
_PART = 5 * 1024 * 1024  # S3 takes no smaller ones
_AT_ONCE = 4  # parts on their way, each of them in memory
_PROBE = f"{ROOT}/.probe"
_DEPTH = 5  # uploads, product, variant, release, file


class ObjectStorage:
    """Keys are the objects' names."""

    def __init__(self, address: Address) -> None:
        self.name = address.name
        self._store = open_store(address)
        self._asked = open_store(address, QUESTION)
        self._signer = signer_of(address)
        self._public_url = address.public_url
        self.direct = Direct(self._signer) if self._signer else None

    def path(self, key: str) -> None:
        _require_key(key)

    def link(self, key: str) -> str:
        if self._public_url:
            return f"{self._public_url}/{quote(key)}"
        if self._signer is None:
            return obstore.sign(self._store, "GET", key, timedelta(seconds=LINK_SECONDS))
        about = about_object(key)
        told = {
            "response-content-disposition": about["Content-Disposition"],
            "response-content-type": about["Content-Type"],
        }
        return self._signer.url("GET", key, LINK_SECONDS, told)

    def put(self, staged: Path, key: str, sha256: str, meta: bytes, twins: Sequence[str] = ()) -> None:
        _require_key(key)
        size = staged.stat().st_size
        with _translated():
            if not self._holds(key, size, sha256):
                self._send(staged, key, size, sha256)
                if not self._holds(key, size, sha256):
                    raise StoreUnreachable("the object store did not keep the file; try again in a moment")
        self.put_meta(key, meta)

    def follow(self, staged: Path, key: str, size: int) -> Early | None:
        _require_key(key)
        if size <= _ONE_REQUEST:
            return None
        part = _part_of(size)
        return follow(lambda pieces: self._send_parts(key, pieces, about_object(key), part), staged, part)

    def put_meta(self, key: str, meta: bytes) -> None:
        with _translated():
            obstore.put(self._asked, _meta_key(key), meta, attributes={"Content-Type": "application/json"})

    def read(self, key: str, start: int, size: int) -> bytes:
        with _translated():
            try:
                return bytes(obstore.get_range(self._store, key, start=start, length=size))
            except GenericError:  # 416 among others
                if start < obstore.head(self._asked, key)["size"]:
                    raise
                return b""

    def delete(self, key: str) -> None:
        _require_key(key)
        for name in (_meta_key(key), key):  # the object last: what it leaves beside it would be found by `tidy` alone
            self._remove(name)

    def objects(self) -> Iterator[StoredObject]:
        for stored in self._listed(ROOT):
            if stored.key.count("/") == _DEPTH - 1 and not stored.key.endswith(f"/{META}"):
                yield stored

    def tidy(self, before: float) -> None:
        held: set[str] = set()
        metas: list[StoredObject] = []
        for stored in self._listed(ROOT):
            folder, _, name = stored.key.rpartition("/")
            if name != META:
                held.add(folder)
            elif stored.stored_at <= before:
                metas.append(stored)
        for meta in metas:
            if meta.key.rpartition("/")[0] not in held:
                self._remove(meta.key)
        if self._signer:
            abort_unfinished(self._signer, before)

    def probe(self) -> None:
        with _translated():
            obstore.put(self._asked, _PROBE, b"fenfa")
        self._remove(_PROBE)

    def _send(self, staged: Path, key: str, size: int, sha256: str) -> None:
        about: Any = {**about_object(key), "sha256": sha256}
        try:
            self._send_with(about, staged, key, size)
        except FileNotFoundError as error:
            raise UpstreamFailed("the object store has no such bucket; make it, or correct its name") from error

    def _send_with(self, about: Any, staged: Path, key: str, size: int) -> None:
        if size <= _ONE_REQUEST:
            obstore.put(self._store, key, staged.read_bytes(), attributes=about, mode="create", use_multipart=False)
        else:  # a condition is for single requests alone; keys are drawn at random, so none is another's
            self._send_parts(key, staged, about, _part_of(size))

    def _send_parts(self, key: str, content: Path | Iterator[memoryview], about: Any, part: int) -> None:
        how: Any = {"use_multipart": True, "chunk_size": part, "max_concurrency": _AT_ONCE}
        obstore.put(self._store, key, content, attributes=about, **how)

    def _holds(self, key: str, size: int, sha256: str) -> bool:
        """Whether the store has exactly this; `FileExistsError` where it has another object there."""
        try:
            found = obstore.get(self._asked, key, options={"head": True})
        except FileNotFoundError:
            return False
        if found.meta["size"] != size or found.attributes.get("sha256", sha256) != sha256:
            raise FileExistsError(key)
        return True

    def _listed(self, folder: str) -> Iterator[StoredObject]:
        with _translated():
            for chunk in obstore.list(self._asked, prefix=folder):
                for one in chunk:
                    yield StoredObject(one["path"], one["size"], one["last_modified"].timestamp())

    def _remove(self, key: str) -> None:
        with _translated(), suppress(FileNotFoundError):
            obstore.delete(self._asked, key)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except AlreadyExistsError as error:
        raise FileExistsError("another object is there") from error
    except FileNotFoundError as error:
        raise NotFound("the stored file is missing") from error
    except (PermissionDeniedError, UnauthenticatedError) as error:
        raise UpstreamFailed("the object store refuses the access key; check it and what it may do") from error
    except BaseError as error:
        raise StoreUnreachable("the object store does not answer; try again in a moment") from error


def _require_key(key: str) -> None:
    parts = key.split("/")
    if parts[0] != ROOT or len(parts) < 2 or not {"", ".", ".."}.isdisjoint(parts) or "\0" in key:
        raise ValueError("not a storage key")


def _part_of(size: int) -> int:
    return max(_PART, -(-size // _MOST_PARTS))


def _meta_key(key: str) -> str:
    return f"{key.rpartition('/')[0]}/{META}"
