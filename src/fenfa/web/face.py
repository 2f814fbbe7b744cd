"""What of a visitor changes the look of a page: language, theme, and the device."""

import time
from functools import lru_cache
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple

from fenfa.web.i18n import Language, find_language, preferred_language
from fenfa.web.rsgi import HeaderLookup
from fenfa.web.visitor import TOUCH_COOKIE, Visitor, recognise

LANGUAGE_COOKIE, THEME_COOKIE = "fenfa_language", "fenfa_theme"
THEMES = ("light", "dark")
HINTS = "sec-ch-ua-platform, sec-ch-ua-arch"
VARY = f"accept-encoding, accept-language, cookie, user-agent, {HINTS}"


class Face(NamedTuple):
    """`theme` is empty while the visitor leaves it to the system. `has_gzip`: the browser unpacks."""

    language: Language
    theme: str
    visitor: Visitor
    has_gzip: bool

    @property
    def key(self) -> str:
        """Tells apart all that is rendered differently; by the hour too, since profiles expire while nobody does anything."""
        return f"{_key(self)} {int(time.time() // 3600)}"


@lru_cache(maxsize=4096)
def _key(face: Face) -> str:
    return " ".join((face.language.code, face.theme, *map(str, face.visitor), "gzip" if face.has_gzip else ""))


def face_of(headers: HeaderLookup) -> Face:
    get = headers.get
    return _face(
        get("cookie") or "",
        get("accept-language") or "",
        get("user-agent") or "",
        get("sec-ch-ua-platform") or "",
        get("sec-ch-ua-arch") or "",
        get("accept-encoding") or "",
    )


@lru_cache(maxsize=4096)
def _face(cookie: str, accept: str, agent: str, platform: str, arch: str, encodings: str) -> Face:
    chosen = _cookies(cookie)
    language = find_language(chosen.get(LANGUAGE_COOKIE, "")) or preferred_language(accept)
    theme = chosen.get(THEME_COOKIE, "")
    visitor = recognise(agent, platform, arch, TOUCH_COOKIE in chosen)
    return Face(language, theme if theme in THEMES else "", visitor, "gzip" in encodings.lower())


def _cookies(header: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}
