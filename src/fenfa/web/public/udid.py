"""Enrolment of devices: the profile, the device's reply, and where it leads."""

import logging
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fenfa.apple.enrolment import MEDIA_TYPE, Enrolment, write_profile
from fenfa.apple.models import model_name
from fenfa.errors import FenfaError, TooLarge
from fenfa.runtime import Runtime
from fenfa.services import enrolments
from fenfa.services.calls import count_call
from fenfa.services.enrolments import Goal
from fenfa.services.replies import keep_reply
from fenfa.web.deps import runtime_of, settings_of, urls_of
from fenfa.web.enrolled import browser_of, device_of, set_cookies
from fenfa.web.face import face_of
from fenfa.web.i18n import marked, translations
from fenfa.web.pages import render
from fenfa.web.security import client_address
from fenfa.web.threads import in_thread
from fenfa.web.urls import enrolled_path

MAX_REPLY = 64 * 1024
_TITLE = marked("Register this device")
_ABOUT = marked(
    "Tells {organization} which device this is (model, system version and UDID), so that test builds can run on it. "
    "Nothing is installed."
)
log = logging.getLogger("fenfa.web")


async def profile(request: Request) -> Response:
    runtime = runtime_of(request)
    await _count(request, runtime, "profile")
    asked = (request.query_params.get(name, "") for name in ("variant", "app", "product"))
    subject = await runtime.database.read(enrolments.find_subject, *asked)
    now, minutes = runtime.clock(), runtime.config.udid_minutes
    begun = await runtime.database.write(enrolments.begin_enrolment, now, minutes, subject, browser_of(request))
    body = await in_thread(_signed, runtime, write_profile(await _enrolment(request, begun)))
    answer = Response(body, media_type=MEDIA_TYPE, headers={"cache-control": "no-store"})
    set_cookies(request, answer, begun, minutes)
    return answer


async def callback(request: Request) -> Response:
    """301 and nothing else: iOS takes other answers for a broken profile. A nonce that was used leads on and changes nothing."""
    runtime = runtime_of(request)
    await _count(request, runtime, "reply")
    nonce, body = request.query_params.get("nonce", ""), await _body(request)
    try:
        goal = await runtime.database.read(enrolments.find_goal, runtime.clock(), nonce)
        if goal is None:
            goal = await _take(runtime, nonce, body)
    except FenfaError as error:
        log.warning("the reply of a device was refused: %s", error.message)  # iOS itself shows no reason
        raise
    location = enrolled_path(goal.slug, goal.variant_id)
    return Response(status_code=301, headers={"location": location, "cache-control": "no-store"})


async def registered(request: Request) -> Response:
    device, organization = await device_of(request), (await settings_of(request))["organization"]
    model = model_name(device["model"]) if device else ""
    return render(request, "public/registered.html", organization=organization, is_known=bool(device), model=model)


async def _take(runtime: Runtime, nonce: str, body: bytes) -> Goal:
    from fenfa.apple.device_reply import read_reply

    if runtime.config.udid_save_replies:
        await in_thread(keep_reply, runtime.config.udid_save_replies, runtime.clock(), body)
    reply = await in_thread(read_reply, body, runtime.device_authorities)
    enforce = runtime.config.udid_verify == "enforce"
    return await runtime.database.write(enrolments.complete_enrolment, runtime.clock(), nonce, reply, enforce)


async def _enrolment(request: Request, begun: enrolments.Begun) -> Enrolment:
    urls, organization = await urls_of(request), (await settings_of(request))["organization"]
    config, texts = runtime_of(request).config, translations(face_of(request.headers).language)
    host = (urlsplit(urls.base).hostname or "localhost").split(".")
    return Enrolment(
        identifier=f"{config.bundle_id_prefix.strip('.') or '.'.join(reversed(host))}.udid",
        organization=organization,
        title=texts.gettext(_TITLE),
        about=texts.gettext(_ABOUT).format(organization=organization),
        url=urls.enrolment(begun.nonce),
        challenge=begun.challenge,
        asks_name=config.udid_ask_name,
    )


async def _count(request: Request, runtime: Runtime, what: str) -> None:
    address = client_address(request.scope, runtime.config.trusted_proxies)
    limit = runtime.config.udid_calls_per_minute
    await runtime.database.write(count_call, runtime.clock(), runtime.keys, what, address, limit)


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_REPLY:
            raise TooLarge("the reply is too large")
    return bytes(body)


def _signed(runtime: Runtime, profile: bytes) -> bytes:
    """Blocks: the signer looks at its files."""
    now = runtime.clock()
    if warning := runtime.signer.state(now).warning(now):
        log.warning("signing profiles: %s", warning)
    return runtime.signer.sign(profile, now)


ROUTES = (
    Route("/udid/profile.mobileconfig", profile),
    Route("/udid/callback", callback, methods=["POST"]),
    Route("/udid/registered", registered),
)
