"""What of a visitor changes the look of a page: language, theme, and the device."""

from dataclasses import dataclass, field
from functools import lru_cache
from http.cookies import CookieError, SimpleCookie

from fenfa.services.visitor import TOUCH_COOKIE, UNKNOWN, Hints, Visitor, recognise
from fenfa.vocabulary import Platform
from fenfa.web.encoding import takes_gzip
from fenfa.web.enrolled import PLAIN_COOKIE, SECURE_COOKIE
from fenfa.web.i18n import Language, find_language, preferred_language
from fenfa.web.rsgi import HeaderLookup

LANGUAGE_COOKIE, THEME_COOKIE = "fenfa_language", "fenfa_theme"
THEMES = ("light", "dark")
OWN = "own"
_HINTS = "sec-ch-ua-platform, sec-ch-ua-platform-version, sec-ch-ua-arch, sec-ch-ua-bitness"
FACE_HEADERS = {"vary": f"accept-encoding, accept-language, cookie, user-agent, {_HINTS}", "accept-ch": _HINTS}


@dataclass(frozen=True)
class Face:
    """`theme` is empty while the visitor leaves it to the system. `key` tells apart all that is rendered differently, but for
    browsers that are known as a device (`is_device`): what they see is theirs alone, and never kept."""

    language: Language
    theme: str = ""
    visitor: Visitor = UNKNOWN
    is_device: bool = False
    key: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", " ".join((self.language.code, self.theme, *map(str, self.visitor))))


def look_of(headers: HeaderLookup) -> str:
    """All that the bytes of a page depend on beside its address: the key of the face, and the encoding."""
    face = face_of(headers)
    return f"{OWN if face.is_device else face.key} {'gzip' if takes_gzip(headers.get('accept-encoding') or '') else ''}"


def face_of(headers: HeaderLookup) -> Face:
    get = headers.get
    return _face(
        get("cookie") or "",
        get("accept-language") or "",
        get("user-agent") or "",
        get("sec-ch-ua-platform") or "",
        get("sec-ch-ua-platform-version") or "",
        get("sec-ch-ua-arch") or "",
        get("sec-ch-ua-bitness") or "",
    )


@lru_cache(maxsize=4096)
def _face(cookie: str, accept: str, agent: str, platform: str, platform_version: str, arch: str, bitness: str) -> Face:
    chosen = _cookies(cookie)
    language = find_language(chosen.get(LANGUAGE_COOKIE, "")) or preferred_language(accept)
    theme = chosen.get(THEME_COOKIE, "")
    visitor = recognise(agent, Hints(platform, platform_version, arch, bitness), TOUCH_COOKIE in chosen)
    is_device = SECURE_COOKIE in chosen or PLAIN_COOKIE in chosen
    return Face(language, theme if theme in THEMES else "", _as_far_as_it_matters(visitor), is_device)


def _as_far_as_it_matters(visitor: Visitor) -> Visitor:
    """On a computer every browser downloads in the same way: fewer faces to keep."""
    is_phone = visitor.platform in (Platform.IOS, Platform.ANDROID)
    return visitor if is_phone else visitor._replace(browser="", app="")


def _cookies(header: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}
