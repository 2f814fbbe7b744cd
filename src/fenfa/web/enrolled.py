"""Which device a browser is: known by a cookie that the profile's download sets, and that counts once the device has answered."""

from starlette.requests import Request
from starlette.responses import Response

from fenfa.services import enrolments
from fenfa.services.records import Record
from fenfa.web.deps import runtime_of
from fenfa.web.security import client_scheme

NONCE_COOKIE = "udid_nonce"
PLAIN_COOKIE = "fenfa_device"
SECURE_COOKIE = "__Host-fenfa_device"


async def device_of(request: Request) -> Record | None:
    """The device that this browser runs on, whole, as the table has it; None while it is not known. Never show its UDID: the
    cookie is a hint for pages, and no proof of who looks at them."""
    browser = browser_of(request)
    if not browser:
        return None
    runtime = runtime_of(request)
    return await runtime.database.read(enrolments.device_of_browser, runtime.clock(), browser)


def browser_of(request: Request) -> str:
    return request.cookies.get(SECURE_COOKIE) or request.cookies.get(PLAIN_COOKIE) or ""


def set_cookies(request: Request, answer: Response, begun: enrolments.Begun, minutes: int) -> None:
    secure = client_scheme(request.scope, runtime_of(request).config.trusted_proxies) == "https"
    lasting = SECURE_COOKIE if secure else PLAIN_COOKIE
    for name, value, seconds in (
        (NONCE_COOKIE, begun.nonce, minutes * 60),
        (lasting, begun.browser, int(enrolments.KNOWN.total_seconds())),
    ):
        answer.set_cookie(name, value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="lax")
