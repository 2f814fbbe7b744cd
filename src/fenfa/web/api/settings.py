"""Settings, and what uploaders must know of them."""

from typing import Any

from fastapi import APIRouter, Body, Request
from starlette.responses import Response

from fenfa.services.direct import may_offer
from fenfa.services.settings import load_settings, save_settings
from fenfa.vocabulary import FILE_TYPES, Scope
from fenfa.web import examples
from fenfa.web.deps import change, guarded, now_of, runtime_of, settings_of
from fenfa.web.envelope import ok
from fenfa.web.examples import answers
from fenfa.web.trying import try_changes

router = APIRouter(prefix="/admin/api", tags=["Settings"], route_class=guarded(Scope.ADMIN))
_CHANGES = Body(examples=[{"primary_domain": "https://get.example.com", "organization": "Example Ltd"}])


@router.get("/settings", summary="Read the settings", **answers(examples.SETTINGS))
async def read_settings(request: Request) -> Response:
    """Secrets never come back."""
    return ok((await settings_of(request)).public())


@router.put("/settings", summary="Change settings", **answers(examples.SETTINGS, 400))
async def update_settings(request: Request, changes: dict[str, Any] = _CHANGES) -> Response:
    """All of the changes or, when one is refused, none. Also takes `s3_access_key`, `s3_secret_key`, `apple_issuer_id` and
    `apple_private_key`."""
    runtime = runtime_of(request)
    await try_changes(request, changes)
    await change(request, "settings.update", "settings", save_settings, now_of(request), runtime.keys, changes)
    return ok((await runtime.database.read(load_settings, runtime.config)).public())


@router.get("/upload-config", tags=["Upload"], summary="What may be uploaded", **answers(examples.UPLOAD_CONFIG))
async def upload_config(request: Request) -> Response:
    """`direct_upload`: builds lie in a bucket, and `/uploads/direct` may say where in it a file goes."""
    settings = await settings_of(request)
    return ok(
        {
            "storage_type": settings["storage_type"],
            "upload_domain": settings["upload_domain"],
            "max_upload_bytes": runtime_of(request).config.max_upload_bytes,
            "direct_upload": may_offer(settings),
            "file_types": {platform.value: list(types) for platform, types in FILE_TYPES.items()},
        }
    )
