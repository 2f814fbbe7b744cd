"""Uploads: one form, received straight into staging, inspected, published, and only then acknowledged."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from fenfa.errors import BadInput, BadPackage, Unreachable
from fenfa.inspectors.base import PackageInfo
from fenfa.runtime import Runtime
from fenfa.services import releases, uploads
from fenfa.services.homes import UploadRequest, check_request
from fenfa.services.installability import Verdict, cover
from fenfa.services.packages import bare_os_version, build_number
from fenfa.services.records import Record, stamp
from fenfa.vocabulary import Platform, Scope
from fenfa.web import examples
from fenfa.web.deps import guarded, idempotency_key, identity_of, now_of, runtime_of, urls_of
from fenfa.web.envelope import ok
from fenfa.web.examples import answers, multipart
from fenfa.web.fields import checked_build, checked_line, checked_prose
from fenfa.web.multipart import ICON_FIELD, Form, receive_form, require_file
from fenfa.web.threads import in_far_thread, in_thread
from fenfa.web.urls import Urls

upload_router = APIRouter(tags=["Upload"], route_class=guarded(Scope.UPLOAD, max_body=None))
admin_router = APIRouter(prefix="/admin/api", tags=["Upload"], route_class=guarded(Scope.ADMIN, max_body=None))
MAX_ICON = 4 * 1024 * 1024

_OPTIONAL = (
    ("version", "string", "the package's own when left out"),
    ("build", "integer", "the package's own when left out"),
    ("channel", "string", "e.g. beta"),
    ("min_os", "string", "e.g. `15.0`, `iOS 15.0` or `Android 21`"),
    ("changelog", "string", "Markdown"),
    ("icon_base64", "string", "PNG, JPEG or WebP in base64 or as a data: URL, at most 4 MiB"),
)
_FORM = multipart(("variant_id", "string", "required: the variant that gets the release"), *_OPTIONAL)
_SMART_FORM = multipart(
    ("variant_id", "string", "found by the package's platform and identifier when left out"),
    ("create", "string", "1: make product and variant from the package when none fits (scope admin)"),
    *_OPTIONAL,
)
_ANSWERS = answers(examples.UPLOAD, 400, 404, 409, 413, 422, 507, status=201)


@upload_router.post("/upload", summary="Upload a build", openapi_extra=_FORM, **_ANSWERS)
async def upload(request: Request) -> Response:
    """A header `Idempotency-Key` makes a repeated upload answer as the first did."""
    return await _take(request, smart=False)


@upload_router.post("/smart-upload", summary="Upload and detect", openapi_extra=_SMART_FORM, **_ANSWERS)
async def smart_upload(request: Request) -> Response:
    """Version, build, minimum OS, icon and variant come from the package; a field that is given wins."""
    return await _take(request, smart=True)


@admin_router.post("/smart-upload", summary="Upload and detect, as admin", openapi_extra=_SMART_FORM, **_ANSWERS)
async def admin_smart_upload(request: Request) -> Response:
    return await _take(request, smart=True)


@admin_router.post(
    "/parse-app", summary="Read a package", openapi_extra=multipart(), **answers(examples.PARSED, 400, 413, 422, 507)
)
async def parse_app(request: Request) -> Response:
    """The metadata alone; nothing is stored."""
    runtime = runtime_of(request)
    form = await receive_form(request, runtime)
    try:
        require_file(form)
        path = runtime.staging.path(form.upload_id)
        package = await in_thread(runtime.inspect, path, form.file_name)
        return ok(_parsed(package, form.file_name, form.file.size if form.file else 0))
    finally:
        await in_thread(form.discard)


async def _take(request: Request, smart: bool) -> Response:
    runtime = runtime_of(request)
    form = await receive_form(request, runtime, may_go_ahead=True)
    try:
        wanted = await _request(request, form, smart)
        answer = await runtime.database.write(_note, runtime.clock(), form, wanted, idempotency_key(request))
    except Unreachable:  # perhaps it was noted all the same: it is finished, or else dropped, as soon as that is known
        await in_thread(form.keep)
        raise
    except BaseException:
        await in_thread(form.discard)
        raise
    if answer is None:
        answer = await in_far_thread(_settle, runtime, form)
    else:
        await in_thread(form.discard)
    return ok(await answer_of(request, answer), 201)


def _settle(runtime: Runtime, form: Form) -> Record:
    """Finishes and discards in one go, so that a request that is cut off here still leaves nothing half done. While an engine
    is down the bytes are kept, for this client to ask again or for a sweep."""
    try:
        answer = uploads.finish_upload(runtime, form.upload_id, form.ahead)
    except Unreachable:
        form.keep()
        raise
    except BaseException:
        form.discard()
        raise
    form.discard()
    return answer


def _note(connection: Any, now: datetime, form: Form, wanted: UploadRequest, key: str | None) -> Record | None:
    """Notes the upload; or gives the answer that an earlier one with the same key got."""
    assert form.file is not None
    earlier = uploads.find_replay(connection, now, key, form.file.sha256, wanted) if key else None
    if earlier is None:
        check_request(connection, wanted)
        size, digest, holder = form.file.size, form.file.sha256, form.file.holder
        receive = partial(uploads.receive, staged_by=holder, release_id=form.release_id)
        receive(connection, stamp(now), form.upload_id, wanted, size, digest, key)
    return earlier


async def _request(request: Request, form: Form, smart: bool) -> UploadRequest:
    _require_variant(form.fields, smart)
    require_file(form)
    return await wanted_of(request, form.fields, form.file_name, smart)


def _require_variant(fields: Mapping[str, str], smart: bool) -> str:
    variant_id = checked_line("variant_id", fields.get("variant_id", ""))
    if not smart and not variant_id:
        raise BadInput("variant_id is required")
    return variant_id


async def wanted_of(request: Request, fields: Mapping[str, str], file_name: str, smart: bool) -> UploadRequest:
    """What the fields of an upload ask for, checked."""
    variant_id = _require_variant(fields, smart)
    create = fields.get("create", "") in ("1", "true") and smart and identity_of(request).may(Scope.ADMIN)
    wanted = UploadRequest(
        file_name=file_name,
        actor=identity_of(request).id,
        variant_id=variant_id or None,
        smart=smart,
        create=create,
        version=checked_line("version", fields.get("version", "")) or None,
        build=checked_build(fields.get("build", "")),
        channel=checked_line("channel", fields.get("channel", "")) or None,
        min_os=bare_os_version(checked_line("min_os", fields.get("min_os", ""))) or None,
        changelog=checked_prose("changelog", fields.get("changelog", "")) or None,
    )
    return await _with_icon(runtime_of(request), wanted, fields.get(ICON_FIELD, ""))


async def _with_icon(runtime: Runtime, wanted: UploadRequest, text: str) -> UploadRequest:
    """A bad icon is a warning: nobody should have to send a gigabyte again for it."""
    if not text.strip():
        return wanted
    try:
        png = await in_thread(runtime.clean_icon, _decoded(text))
    except (BadPackage, ValueError):
        reason = "icon_base64 was ignored: it must be a PNG, JPEG or WebP of at most 4 MiB in base64"
        return replace(wanted, warnings=[reason])
    return replace(wanted, icon_png=png.hex())


def _decoded(text: str) -> bytes:
    """Of base64 or a `data:` URL; raises ValueError."""
    head, comma, rest = text.strip().partition(",")
    encoded = rest if comma and head.startswith("data:") else text
    try:
        data = base64.b64decode("".join(encoded.split()), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if len(data) > MAX_ICON:
        raise ValueError("too large")
    return data


async def answer_of(request: Request, answer: Record) -> dict[str, Any]:
    """`data` for an upload that is a release now."""
    release = await runtime_of(request).database.read(releases.get_release, answer["release_id"])
    urls: Urls = await urls_of(request)
    names, slug = ("id", "version", "build", "created_at", "size_bytes", "sha256"), release["product_slug"]
    data = {
        "app": {
            "id": release["app_id"],
            "name": release["product_name"],
            "platform": release["platform"],
            "bundle_id": release["identifier"],
            "product_id": release["product_id"],
            "variant_id": release["variant_id"],
        },
        "release": {name: release[name] for name in names},
        "urls": {"page": urls.page(slug), **urls.of_release(release["id"], slug, release["platform"])},
        "warnings": answer["warnings"],
    }
    verdicts = await _verdicts(request, release)
    if verdicts:
        data["devices"] = {"known": len(verdicts), "installable": sum(one.is_installable for one in verdicts)}
    return data | ({"created": answer["created"]} if answer["created"] else {})


async def _verdicts(request: Request, release: Record) -> list[Verdict]:
    """On known devices, which an upload token may know nothing of."""
    if not identity_of(request).may(Scope.ADMIN):
        return []
    return await runtime_of(request).database.read(cover, release, now_of(request))


def _parsed(package: PackageInfo, file_name: str, size: int) -> dict[str, Any]:
    """The contract's keys; empty values of the package are left out where they are not named for its format."""
    icon = f"data:image/png;base64,{base64.b64encode(package.icon_png).decode()}" if package.icon_png else ""
    common: dict[str, Any] = {
        "platform": package.platform,
        "app_name": package.name,
        "file_size": size,
        "file_name": file_name,
    }
    common |= {"icon_base64": icon, "format": package.format, "arch": package.arch, "facts": package.facts}
    if package.platform == Platform.ANDROID:
        return common | {
            "package_name": package.identifier,
            "version_name": package.version,
            "version_code": build_number(package.build),
            "min_sdk": _spoken(Platform.ANDROID, package.min_os),
            "target_sdk": _spoken(Platform.ANDROID, str(package.facts.get("target_sdk") or "")),
        }
    return common | {
        "bundle_id": package.identifier,
        "version": package.version,
        "build": package.build,
        "min_os": _spoken(package.platform, package.min_os),
        "provisioning_profile": package.provisioning_profile,
    }


def _spoken(platform: Platform | None, version: str) -> str:
    words = {Platform.IOS: "iOS", Platform.ANDROID: "Android", Platform.MACOS: "macOS"}
    return f"{words[platform]} {version}" if version and platform in words else version
