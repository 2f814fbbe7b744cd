"""Uploading in the panel. A file is kept and read, and becomes a proposal; what a person makes of it becomes a release.

Every answer is a page. `upload.js` asks for the same pages, and takes their `article.upload` into its tray.
"""

import base64
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from fenfa.errors import BadInput, FenfaError, NotFound, TooLarge
from fenfa.inspectors.base import PackageInfo
from fenfa.services import proposals, releases, variants
from fenfa.services.doubts import doubts_of
from fenfa.services.homes import UploadRequest
from fenfa.services.installability import cover
from fenfa.services.packages import UNKNOWN_TYPE
from fenfa.services.proposals import Proposal
from fenfa.services.records import Record
from fenfa.vocabulary import CONTENT_TYPES, PLATFORM_NAMES, UploadState, file_type
from fenfa.web.admin.choices import Choice, first_choice, read_choice
from fenfa.web.admin.panel import back_to, panel_route, show
from fenfa.web.admin.share import share_of
from fenfa.web.deps import idempotency_key, identity_of, now_of, runtime_of, urls_of
from fenfa.web.errors import STATUS
from fenfa.web.face import face_of
from fenfa.web.forms import form_of, problem_of
from fenfa.web.i18n import readable_size
from fenfa.web.multipart import Form, receive_form, require_file
from fenfa.web.threads import in_far_thread, in_thread
from fenfa.web.verdicts import coverage_view


async def upload_page(request: Request) -> Response:
    """With `name`, `size` and `key` of a file: whether it would be taken, or the upload that it is already."""
    asked = request.query_params
    if "name" not in asked:
        return await _start(request)
    try:
        known = await _known(request, asked.get("key", ""))
        if known:
            return _lead_to(known)
        _require_taken(request, asked["name"], int(asked.get("size", "1")))
        runtime = runtime_of(request)
        await in_thread(runtime.staging.require_room, int(asked.get("size", "1")), runtime.config.min_free_bytes)
    except ValueError:
        return await _start(request, BadInput("size must be a whole number"))
    except FenfaError as error:
        return await _start(request, error)
    return await _start(request)


async def receive_upload(request: Request) -> Response:
    try:
        return _lead_to(await _propose(request))
    except FenfaError as error:
        return await _start(request, error)


async def proposal_page(request: Request) -> Response:
    return await _show_upload(request)


async def publish_upload(request: Request) -> Response:
    runtime, upload_id = runtime_of(request), request.path_params["upload_id"]
    fields = await form_of(request)
    upload = await runtime.database.read(proposals.find_upload, upload_id)
    if upload["state"] != UploadState.PROPOSED:
        return _lead_to(upload_id)
    proposal = await runtime.database.read(proposals.open_proposal, upload_id)
    choice = read_choice(fields, proposal, identity_of(request).id)
    if choice.request is None:
        return await _show_upload(request, 400 if choice.problems else 409, choice)
    try:
        await in_far_thread(proposals.accept, runtime, upload_id, choice.request)
    except FenfaError as error:
        return await _show_upload(request, STATUS[error.code], choice, problem_of(request, error))
    return _lead_to(upload_id)


async def discard_upload(request: Request) -> Response:
    await in_thread(proposals.discard, runtime_of(request), request.path_params["upload_id"])
    return back_to("/admin/upload", "discarded")


def _lead_to(upload_id: str) -> Response:
    return RedirectResponse(f"/admin/uploads/{upload_id}", 303)


# a file comes


async def _propose(request: Request) -> str:
    """The ID of the upload. One that came with the same key is found again, and the new bytes are dropped."""
    runtime = runtime_of(request)
    form = await receive_form(request, runtime)
    try:
        _require_taken(request, form.file_name, form.file.size if form.file else 0)
        file = require_file(form)
        package = await in_thread(runtime.inspect, file.path, form.file_name)
        await in_thread(file.keep)
        upload_id = await runtime.database.write(_note, request, form, package)
    except BaseException:
        await in_thread(form.discard)
        raise
    await in_thread(file.close if upload_id == form.upload_id else file.discard)
    return upload_id


def _note(connection: Any, request: Request, form: Form, package: PackageInfo) -> str:
    file, key = require_file(form), idempotency_key(request)
    known = proposals.find_by_key(connection, key) if key else None
    if known:
        return known
    open_there = _open_there(connection, form.fields.get("to", ""))
    wanted = UploadRequest(form.file_name, identity_of(request).id, smart=True, **open_there)
    now = now_of(request)
    proposals.propose(connection, now, form.upload_id, wanted, file.size, file.sha256, key, package, file.holder)
    return form.upload_id


def _open_there(connection: Any, to: str) -> dict[str, Any]:
    """The product or variant that was open in the panel when the file came (a release stands for its variant)."""
    try:
        if to.startswith("rel_"):
            return {"variant_id": releases.get_release(connection, to)["variant_id"]}
    except NotFound:
        return {}
    return {"prd_": {"product_id": to}, "var_": {"variant_id": to}}.get(to[:4], {})


async def _known(request: Request, key: str) -> str | None:
    named = idempotency_key(request, key)
    return await runtime_of(request).database.read(proposals.find_by_key, named) if named else None


def _require_taken(request: Request, file_name: str, size: int) -> None:
    """In the panel's words, before a byte is sent and again when all are there."""
    most = runtime_of(request).config.max_upload_bytes
    if not file_name:
        raise BadInput("choose a file first")
    if not file_type(file_name):
        raise BadInput(UNKNOWN_TYPE)
    if size < 1:
        raise BadInput("this file is empty")
    if size > most:
        raise _too_large(request)


def _too_large(request: Request) -> TooLarge:
    most = readable_size(runtime_of(request).config.max_upload_bytes, face_of(request.headers).language)
    return TooLarge("this file is larger than {most}, which is the most that this server takes", most=most)


# pages


async def _start(request: Request, error: FenfaError | None = None) -> Response:
    """Where files are chosen, and what waits already."""
    if isinstance(error, TooLarge):
        error = _too_large(request)
    runtime, asked = runtime_of(request), request.query_params
    values: Record = {
        "here": None,
        "problem": problem_of(request, error) if error else "",
        "to": asked.get("to", ""),
        "waiting": await runtime.database.read(proposals.waiting_proposals),
        "most": runtime.config.max_upload_bytes,
        "endings": ", ".join(f".{ending}" for ending in CONTENT_TYPES),
    }
    return await show(request, "admin/upload.html", STATUS[error.code] if error else 200, **values)


async def _show_upload(
    request: Request, status: int = 200, choice: Choice | None = None, problem: str = ""
) -> Response:
    upload_id = request.path_params["upload_id"]
    database = runtime_of(request).database
    upload = await database.read(proposals.find_upload, upload_id)
    values: Record = {"here": None, "upload": upload, "problem": problem, "platforms": PLATFORM_NAMES}
    if upload["state"] == UploadState.PROPOSED:
        proposal = await database.read(proposals.open_proposal, upload_id)
        values |= _proposal_values(request, proposal, choice or first_choice(proposal))
    elif upload["state"] == UploadState.READY:
        release = await database.read(releases.get_release, upload["answer"]["release_id"])
        variant = await database.read(variants.get_variant, release["variant_id"])
        urls = await urls_of(request)
        icon = urls.icon(variant["product_id"], variant["product_icon_sha256"])
        values |= {"release": release, "variant": variant, "icon_url": icon}
        values["share"] = share_of(variant, urls, release["id"])
        values["coverage"] = coverage_view(await database.read(cover, release, now_of(request)))
    return await show(request, "admin/uploaded.html", status, **values)


def _proposal_values(request: Request, proposal: Proposal, choice: Choice) -> Record:
    package, now = proposal.package, runtime_of(request).clock()
    icon = base64.b64encode(package.icon_png).decode() if package.icon_png else ""
    best = next((place for place in proposal.places.near if place.key == proposal.places.best), None)
    return {
        "package": package,
        "places": proposal.places,
        "best": best,
        "choice": choice,
        "doubts": doubts_of(package, file_type(proposal.request.file_name), now),
        "icon_url": f"data:image/png;base64,{icon}" if icon else "",
    }


ROUTES = (
    panel_route("/admin/upload", upload_page),
    panel_route("/admin/upload", receive_upload, "POST"),
    panel_route("/admin/uploads/{upload_id}", proposal_page),
    panel_route("/admin/uploads/{upload_id}", publish_upload, "POST"),
    panel_route("/admin/uploads/{upload_id}/discard", discard_upload, "POST"),
)
