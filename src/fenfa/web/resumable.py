"""tus 1.0.0 on `/uploads/resumable`: core, creation, creation-with-upload, expiration, termination and checksum.

What becomes of a complete upload is what becomes of any: `services/uploads.py`. An upload belongs to whoever made it.
"""

import asyncio
import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from contextlib import ExitStack
from dataclasses import asdict
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from fenfa.errors import BadInput, NotFound, TooLarge, Unavailable
from fenfa.runtime import Runtime
from fenfa.services import uploads
from fenfa.services.homes import UploadRequest, check_request
from fenfa.services.records import Record
from fenfa.storage.local import file_sha256
from fenfa.storage.resumable import Busy, Piecemeal, Writer
from fenfa.vocabulary import Scope, UploadState, file_type, new_id
from fenfa.web.api.uploads import answer_of, wanted_of
from fenfa.web.bodies import Pieces, pieces_of, take_in
from fenfa.web.deps import identity_of, now_of, runtime_of
from fenfa.web.envelope import fail, ok
from fenfa.web.security import authenticate
from fenfa.web.threads import in_far_thread, in_thread

PATH = "/uploads/resumable"
KEPT = timedelta(hours=24)
HAND_OVER = 1.0
"""Seconds in which a writer that was asked to let go has to."""
_LOOK = 0.1
_OFFSET_TYPE = "application/offset+octet-stream"
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


_DIGESTS: dict[str, Callable[[], Any]] = {"sha1": hashlib.sha1, "sha256": hashlib.sha256, "crc32": _Crc32}


def spoken(handle: Handler) -> Handler:
    """The words of the protocol around an answer, for holders of an upload token."""

    async def answer(request: Request) -> Response:
        request.state.identity = await authenticate(request, runtime_of(request), Scope.UPLOAD)
        if request.headers.get("tus-resumable", "1.0.0") != "1.0.0":
            return fail(412, "BAD_REQUEST", "this server speaks tus 1.0.0", {"tus-version": "1.0.0"})
        try:
            response = await handle(request)
        except Busy:
            response = fail(423, "CONFLICT", "another connection sends this upload; try again in a moment")
        except FileNotFoundError:  # it ended while this one waited
            raise NotFound("upload not found") from None
        response.headers.update({"tus-resumable": "1.0.0", "cache-control": "no-store"})
        return response

    return answer


async def discover(request: Request) -> Response:
    told = {"tus-resumable": "1.0.0", "tus-version": "1.0.0", "tus-checksum-algorithm": ",".join(_DIGESTS)}
    told["tus-extension"] = "creation,creation-with-upload,expiration,termination,checksum"
    told["tus-max-size"] = str(runtime_of(request).config.max_upload_bytes)
    return Response(status_code=204, headers=told)


async def create(request: Request) -> Response:
    runtime = runtime_of(request)
    length = _number(request, "upload-length")
    if length > runtime.config.max_upload_bytes:
        raise TooLarge("the file is larger than the limit of {limit} bytes", limit=runtime.config.max_upload_bytes)
    said = request.headers.get("upload-metadata", "")
    fields = _metadata(said)
    wanted = await wanted_of(request, fields, _file_name(fields), smart=fields.get("smart", "") in ("1", "true"))
    await runtime.database.read(check_request, wanted)
    await in_thread(runtime.staging.require_room, length, runtime.config.min_free_bytes)
    upload = Piecemeal(runtime.staging.folder, new_id("upl"))
    facts = {"length": length, "metadata": said, "sha256": fields.get("sha256", "").lower(), "request": asdict(wanted)}
    await in_thread(upload.create, facts)
    offset = 0
    if request.headers.get("content-type") == _OFFSET_TYPE:
        offset = await _append(request, upload, facts, 0)
    headers = {"location": f"{PATH}/{upload.id}", "upload-offset": str(offset), **_expiry(runtime)}
    return Response(status_code=201, headers=headers)


async def tell(request: Request) -> Response:
    runtime, (upload, facts) = runtime_of(request), await _own(request)
    offset = await in_thread(_durable_offset, upload)
    headers = {"upload-offset": str(offset), "upload-length": str(facts["length"]), **_expiry(runtime)}
    return Response(status_code=200, headers=headers | {"upload-metadata": facts["metadata"]})


async def append(request: Request) -> Response:
    if request.headers.get("content-type") != _OFFSET_TYPE:
        await _own(request)
        return fail(415, "BAD_REQUEST", f"send the bytes as {_OFFSET_TYPE}")
    upload, facts = await _own(request)
    try:
        offset = await _append(request, upload, facts, _number(request, "upload-offset"))
    except _Elsewhere as error:
        message = "the upload is not where this piece begins; ask for its offset"
        return fail(409, "CONFLICT", message, {"upload-offset": str(error.offset)})
    except _Damaged:
        return fail(460, "CHECKSUM_MISMATCH", "the piece is not what its checksum says; send it again")
    return Response(status_code=204, headers={"upload-offset": str(offset), **_expiry(runtime_of(request))})


async def complete(request: Request) -> Response:
    """The release of an upload whose bytes are all here, as `/upload` answers; again and again, for a day."""
    runtime, upload_id = runtime_of(request), request.path_params["upload_id"]
    row = await runtime.database.read(uploads.get_upload, upload_id)
    if row is None:
        upload, facts = await _own(request)
        if await in_thread(_durable_offset, upload) != facts["length"]:
            return fail(409, "CONFLICT", "not all of its bytes are here; send the rest first")
        answer = await in_far_thread(_finish_held, runtime, upload, facts, now_of(request))
    elif row["request"]["actor"] != identity_of(request).id:
        raise NotFound("upload not found")
    elif row["state"] == UploadState.FAILED:
        return fail(422, "BAD_PACKAGE", row["error"])
    elif row["state"] == UploadState.RECEIVED and row["staged_by"] != runtime.staging.name:
        raise Unavailable("another server finishes this upload; ask again in a moment")
    else:
        answer = await in_far_thread(_settle_again, runtime, upload_id)
    return ok(await answer_of(request, answer), 201)


async def abort(request: Request) -> Response:
    upload, _ = await _own(request)
    await in_thread(upload.discard)
    return Response(status_code=204)


class _Elsewhere(Exception):
    def __init__(self, offset: int) -> None:
        self.offset = offset


class _Damaged(Exception):
    pass


async def _own(request: Request) -> tuple[Piecemeal, dict[str, Any]]:
    upload = Piecemeal(runtime_of(request).staging.folder, request.path_params["upload_id"])
    facts = await in_thread(upload.facts)
    if facts is None or facts["request"]["actor"] != identity_of(request).id:
        raise NotFound("upload not found")
    return upload, facts


async def _append(request: Request, upload: Piecemeal, facts: dict[str, Any], start: int) -> int:
    """Takes what comes, until it ends or breaks off, and finishes the upload with its last byte; gives the offset.
    `Busy`: it did not come whole, since it was cut off or another writer asked; what came is kept."""
    digest, expected = _checksum(request)
    whole_file = hashlib.sha256() if start == 0 else None
    with ExitStack() as stack:
        writer = await in_thread(stack.enter_context, upload.held(HAND_OVER))
        offset = await in_thread(writer.offset)
        if offset != start:
            raise _Elsewhere(offset)
        try:
            is_whole = await _receive(request, writer, facts["length"] - start, digest, whole_file)
            if expected is not None and (not is_whole or digest.digest() != expected):
                raise _Damaged
        except (_Damaged, TooLarge):
            await in_thread(writer.cut, start)
            raise
        offset = await in_thread(writer.offset)
        if not is_whole:
            raise Busy
        if offset == facts["length"]:
            sha256 = whole_file.hexdigest() if whole_file else None
            await in_far_thread(_finish, runtime_of(request), upload, facts, now_of(request), sha256)
        return offset


async def _receive(request: Request, writer: Writer, left: int, *digests: Any) -> bool:
    """Whether the body came whole: neither cut off nor handed over."""
    pieces = pieces_of(request)
    letting_go = asyncio.ensure_future(_stop_when_wanted(pieces, writer))
    try:
        return await take_in(pieces, lambda _: _take(pieces, writer, left, [one for one in digests if one]))
    finally:
        letting_go.cancel()


async def _stop_when_wanted(pieces: Pieces, writer: Writer) -> None:
    while not await in_thread(lambda: writer.is_wanted):  # noqa: ASYNC110 -- whoever wants it may be another process
        await asyncio.sleep(_LOOK)
    pieces.stop()


def _take(pieces: Pieces, writer: Writer, left: int, digests: list[Any]) -> bool:
    try:
        for piece in pieces:
            left -= len(piece)
            if left < 0:
                raise TooLarge("the piece goes beyond the length that was announced")
            for digest in digests:
                digest.update(piece)
            writer.write(piece)
    except (ClientDisconnect, CancelledError):
        return False
    return True


def _finish_held(runtime: Runtime, upload: Piecemeal, facts: dict[str, Any], now: str) -> Record:
    with upload.held(HAND_OVER):
        return _finish(runtime, upload, facts, now)


def _finish(runtime: Runtime, upload: Piecemeal, facts: dict[str, Any], now: str, sha256: str | None = None) -> Record:
    """Makes a staged file of it, notes it as received, and settles it. Its caller holds it, and may know its hash."""
    sha256, wanted = sha256 or file_sha256(upload.path), UploadRequest(**facts["request"])
    if facts["sha256"] and facts["sha256"] != sha256:
        upload.discard()
        raise BadInput("the file is not what its sha256 says; send it again")
    upload.promote()
    size: int = facts["length"]
    holder = runtime.staging.name
    runtime.database.write_now(uploads.receive, now, upload.id, wanted, size, sha256, None, staged_by=holder)
    upload.discard()
    return _settle(runtime, upload.id)


def _settle_again(runtime: Runtime, upload_id: str) -> Record:
    """Once nobody else, a sweep or an earlier request, is at it."""
    with runtime.staging.claimed(upload_id):
        return _settle(runtime, upload_id)


def _settle(runtime: Runtime, upload_id: str) -> Record:
    staged: Path = runtime.staging.path(upload_id)
    try:
        return uploads.finish_upload(runtime, upload_id)
    finally:
        row = runtime.database.read_now(uploads.get_upload, upload_id)
        if row is None or row["state"] != UploadState.RECEIVED:
            staged.unlink(missing_ok=True)


def _durable_offset(upload: Piecemeal) -> int:
    with upload.held(HAND_OVER) as writer:
        return writer.offset()


def _expiry(runtime: Runtime) -> dict[str, str]:
    ends: datetime = runtime.clock() + KEPT
    return {"upload-expires": format_datetime(ends, usegmt=True)}


def _number(request: Request, name: str) -> int:
    said = request.headers.get(name, "")
    if not said.isdecimal() or not said.isascii() or len(said) > 18:
        raise BadInput(f"{name.title()} must be a number of bytes")
    return int(said)


def _metadata(said: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for pair in filter(None, map(str.strip, said.split(","))):
        name, _, value = pair.partition(" ")
        try:
            fields[name] = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError):
            raise BadInput("Upload-Metadata must hold names and base64 of UTF-8 text") from None
    return fields


def _file_name(fields: dict[str, str]) -> str:
    name = fields.get("filename", "")
    if not file_type(name):
        raise BadInput("Upload-Metadata must name the file, by filename, with the ending of a package")
    return name


def _checksum(request: Request) -> tuple[Any, bytes | None]:
    said = request.headers.get("upload-checksum")
    if said is None:
        return None, None
    name, _, value = said.partition(" ")
    if name not in _DIGESTS:
        raise BadInput(f"Upload-Checksum must be one of {', '.join(_DIGESTS)}")
    try:
        return _DIGESTS[name](), base64.b64decode(value, validate=True)
    except binascii.Error:
        raise BadInput("Upload-Checksum must be base64") from None


_ONE = PATH + "/{upload_id}"
ROUTES = (
    Route(PATH, discover, methods=["OPTIONS"]),
    Route(PATH, spoken(create), methods=["POST"]),
    Route(_ONE, spoken(append), methods=["PATCH"]),
    Route(_ONE, spoken(abort), methods=["DELETE"]),
    Route(_ONE, spoken(tell), methods=["HEAD"]),
    Route(_ONE + "/complete", spoken(complete), methods=["POST"]),
)
