"""Enrolment of devices: whether it is done, for pages that wait."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from fenfa.services import enrolments
from fenfa.web.deps import runtime_of
from fenfa.web.enrolled import NONCE_COOKIE, browser_of
from fenfa.web.envelope import ok
from fenfa.web.examples import answers
from fenfa.web.fields import Line

router = APIRouter(tags=["Devices"])


@router.get("/udid/status", summary="Whether a device is bound", **answers({"bound": True}, 400, refused=False))
async def enrolment_status(request: Request, variant: Line = "", nonce: Line = "") -> Response:
    """By the nonce of the profile, in the query or in the cookie that came with it, or by the browser's own cookie. With
    `variant`, whether the device is bound to this variant."""
    runtime = runtime_of(request)
    asked = (nonce or request.cookies.get(NONCE_COOKIE, ""), browser_of(request), variant)
    bound = await runtime.database.read(enrolments.is_bound, runtime.clock(), *asked)
    return ok({"bound": bound})
