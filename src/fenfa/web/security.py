"""Who is calling: client address and scheme behind trusted proxies, tokens, sessions, and headers that every answer carries."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from ipaddress import ip_address, ip_network

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import Scope

from fenfa.config import DEV_ADMIN_TOKEN, DEV_UPLOAD_TOKEN, Config
from fenfa.errors import ScopeMissing, Unauthenticated
from fenfa.runtime import Runtime
from fenfa.services import sessions, tokens
from fenfa.services.tokens import REFUSED, ConfigToken, Identity
from fenfa.vocabulary import Scope as TokenScope

PLAIN_COOKIE = "fenfa_session"
SECURE_COOKIE = "__Host-fenfa_session"
_SAFE = ("GET", "HEAD", "OPTIONS")
_DRESSED = re.compile(r"\[(.+)\](?::\d+)?|([^:]+):\d+")  # an address as some proxies write it
_LONGEST_ADDRESS = 64
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SECURITY_HEADERS = {
    "content-security-policy": _CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin-when-cross-origin",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
}


@lru_cache(maxsize=4096)
def is_trusted(address: str, proxies: tuple[str, ...]) -> bool:
    try:
        parsed = ip_address(address)
        return any(parsed in ip_network(proxy, strict=False) for proxy in proxies)
    except ValueError:
        return False


@lru_cache(maxsize=4096)
def bare_address(text: str) -> str:
    """The address in its usual form: no port, no brackets, IPv4 where it hides in IPv6. Empty for what is none."""
    dressed = _DRESSED.fullmatch(text)
    try:
        parsed = ip_address(dressed[1] or dressed[2] if dressed else text)
    except ValueError:
        return ""
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def client_address(scope: Scope, proxies: tuple[str, ...]) -> str:
    """The peer, or the right-most address of X-Forwarded-For that no trusted proxy holds."""
    peer = _peer(scope)
    if not is_trusted(peer, proxies):
        return peer
    forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")
    for entry in reversed([part.strip() for part in forwarded if part.strip()]):
        peer = bare_address(entry[:_LONGEST_ADDRESS])  # empty if it is none: it must not pass for the proxy itself
        if not is_trusted(peer, proxies):
            break
    return peer


def client_scheme(scope: Scope, proxies: tuple[str, ...]) -> str:
    said = Headers(scope=scope).get("x-forwarded-proto", "").split(",")[-1].strip().lower()
    trusted = said in ("http", "https") and is_trusted(_peer(scope), proxies)
    return said if trusted else str(scope.get("scheme", "http"))


def is_proxied(scope: Scope, proxies: tuple[str, ...]) -> bool:
    """Whether a trusted proxy passed the request on, and not somebody on the proxy's machine."""
    return is_trusted(_peer(scope), proxies) and "x-forwarded-for" in Headers(scope=scope)


def config_tokens(config: Config, address: str) -> Sequence[ConfigToken]:
    """The configured tokens that count for a caller at this address: the public defaults only on loopback."""
    pairs = [(value, TokenScope.ADMIN) for value in config.admin_tokens]
    pairs += [(value, TokenScope.UPLOAD) for value in config.upload_tokens]
    found = [ConfigToken(v, s, v in (DEV_ADMIN_TOKEN, DEV_UPLOAD_TOKEN)) for v, s in pairs]
    return [token for token in found if not token.is_default or (_is_loopback(address) and _is_loopback(config.host))]


def sent_token(headers: Headers) -> str:
    kind, _, value = headers.get("authorization", "").partition(" ")
    return headers.get("x-auth-token", "").strip() or (value.strip() if kind.lower() == "bearer" else "")


async def authenticate(request: Request, runtime: Runtime, scope: TokenScope) -> Identity:
    """The caller, who may do what `scope` names: `Unauthenticated`, `ScopeMissing` or `RateLimited` otherwise."""
    identity = await identify_caller(request, runtime)
    if not identity.may(scope):
        raise ScopeMissing(f"this token may not do that; it needs the scope {scope}")
    return identity


async def identify_caller(request: Request, runtime: Runtime) -> Identity:
    text = sent_token(request.headers)
    if text:
        return await identify_token(request, runtime, text)
    cookie = session_cookie(request)
    if not cookie:
        raise Unauthenticated(REFUSED)
    require_same_origin(request, runtime)
    return await _identify_session(request, runtime, cookie)


async def identify_token(request: Request, runtime: Runtime, text: str) -> Identity:
    known = config_tokens(runtime.config, client_address(request.scope, runtime.config.trusted_proxies))
    now, pepper = runtime.clock(), runtime.keys.pepper
    async with throttled(request, runtime):
        identity = await runtime.database.read(tokens.identify, now, pepper, text, known)
    await _note_use(request, runtime, identity)
    return identity


@asynccontextmanager
async def throttled(request: Request, runtime: Runtime) -> AsyncIterator[None]:
    """Around a look at a secret: who sent too many wrong ones is turned away before, and a wrong one is counted."""
    address, now = client_address(request.scope, runtime.config.trusted_proxies), runtime.clock()
    await runtime.database.read(tokens.check_throttle, now, address)
    try:
        yield
    except Unauthenticated:
        await runtime.database.write(tokens.note_failure, now, address)
        raise


async def _identify_session(request: Request, runtime: Runtime, cookie: str) -> Identity:
    now = runtime.clock()
    known = config_tokens(runtime.config, client_address(request.scope, runtime.config.trusted_proxies))
    token_id = await runtime.database.read(sessions.session_token, now, cookie)
    return await runtime.database.read(tokens.identify_by_id, now, token_id, known)


async def _note_use(request: Request, runtime: Runtime, identity: Identity) -> None:
    if identity.id.startswith("tok_") and is_due(request, identity.id):
        await runtime.database.write(tokens.note_use, runtime.clock(), identity.id)


def is_due(request: Request, key: str) -> bool:
    """True once a minute for each key: what is only to be remembered needs no write for every request."""
    noted: dict[str, float] = request.app.state.noted
    now = runtime_clock(request)
    if now - noted.get(key, 0) < 60:
        return False
    noted[key] = now
    return True


def runtime_clock(request: Request) -> float:
    runtime: Runtime = request.app.state.runtime
    return runtime.clock().timestamp()


def session_cookie(request: Request) -> str:
    return request.cookies.get(SECURE_COOKIE) or request.cookies.get(PLAIN_COOKIE) or ""


def require_same_origin(request: Request, runtime: Runtime) -> None:
    """Refuses a change that another site's page sent with the visitor's cookie."""
    if request.method in _SAFE:
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    own = request.headers.get("host", "")
    if site not in (None, "same-origin", "none") or (origin is not None and origin.partition("://")[2] != own):
        raise ScopeMissing("this came from another site; open the admin panel itself and try again")
    if site is None and origin is None:
        raise ScopeMissing("the browser did not say where this came from; send X-Auth-Token instead")


def _peer(scope: Scope) -> str:
    return bare_address(scope["client"][0]) if scope.get("client") else ""


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    return _is_address(address) and ip_address(address).is_loopback
