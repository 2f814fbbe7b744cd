"""Direct uploads: the client is told where in the bucket its file goes, brings it there, and says that it is done."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from fenfa.errors import NotFound, TooLarge
from fenfa.services import direct
from fenfa.vocabulary import Scope
from fenfa.web import examples
from fenfa.web.api.uploads import answer_of, wanted_of
from fenfa.web.deps import guarded, idempotency_key, identity_of, runtime_of, urls_of
from fenfa.web.envelope import ok
from fenfa.web.examples import answers
from fenfa.web.multipart import MAX_FIELD, MAX_ICON_FIELD, require_name
from fenfa.web.schemas import DirectUpload
from fenfa.web.threads import in_far_thread

_MAX_BODY = MAX_ICON_FIELD + 4 * MAX_FIELD
router = APIRouter(prefix="/uploads/direct", tags=["Upload"], route_class=guarded(Scope.UPLOAD, max_body=_MAX_BODY))


@router.post("", summary="Begin a direct upload", **answers(examples.DIRECT, 400, 404, 409, 413, status=201))
async def begin(request: Request, body: DirectUpload) -> Response:
    """Send the file by PUT to `url`, with exactly these `headers`, before `expires_at`; then POST to `finish_url`. Without
    `variant_id`, or with `smart`, the package decides as at `/smart-upload`. With the same `Idempotency-Key`, the same upload is
    given again, with a fresh `url`. 409 `NOT_OFFERED` where builds do not lie in a bucket that takes them so."""
    runtime = runtime_of(request)
    require_name(body.file_name)
    if body.size_bytes > runtime.config.max_upload_bytes:
        raise TooLarge("the file is larger than the limit of {limit} bytes", limit=runtime.config.max_upload_bytes)
    smart = body.smart or not body.variant_id
    wanted = await wanted_of(request, body.fields(), body.file_name, smart)
    key, sha256 = idempotency_key(request), body.sha256.lower()
    opening = await in_far_thread(direct.begin, runtime, wanted, body.size_bytes, sha256, key)
    told: dict[str, Any] = {"upload_id": opening.upload_id, "method": "PUT"}
    told |= {"url": opening.grant.url, "headers": opening.grant.headers, "expires_at": opening.expires_at}
    return ok(told | {"finish_url": (await urls_of(request)).finish(opening.upload_id)}, 201)


@router.post(
    "/{upload_id}/finish",
    summary="Finish a direct upload",
    **answers(examples.UPLOAD, 400, 404, 409, 422, 502, status=201),
)
async def finish(request: Request, upload_id: str) -> Response:
    """The release, as `/upload` answers; again and again, for a day. 409 while the file is not in the bucket, 503 while the
    bucket does not answer: then ask again. Only what the package's reader needs is fetched from the bucket."""
    runtime, identity = runtime_of(request), identity_of(request)
    upload = await runtime.database.read(direct.find_direct, upload_id)
    if upload["request"]["actor"] != identity.id and not identity.may(Scope.ADMIN):
        raise NotFound("upload not found")
    return ok(await answer_of(request, await in_far_thread(direct.finish, runtime, upload_id)), 201)
