"""What of a visitor changes the look of a page: the language and the theme."""

from functools import lru_cache
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple

from fenfa.web.i18n import Language, find_language, preferred_language
from fenfa.web.rsgi import HeaderLookup

LANGUAGE_COOKIE, THEME_COOKIE = "fenfa_language", "fenfa_theme"
THEMES = ("light", "dark")
VARY = "accept-language, cookie"


class Face(NamedTuple):
    """`theme` is empty while the visitor leaves it to the system."""

    language: Language
    theme: str

    @property
    def key(self) -> str:
        """Tells apart all that is rendered differently."""
        return f"{self.language.code} {self.theme}"


def face_of(headers: HeaderLookup) -> Face:
    return _face(headers.get("cookie") or "", headers.get("accept-language") or "")


@lru_cache(maxsize=4096)
def _face(cookie: str, accept: str) -> Face:
    chosen = _cookies(cookie)
    language = find_language(chosen.get(LANGUAGE_COOKIE, "")) or preferred_language(accept)
    theme = chosen.get(THEME_COOKIE, "")
    return Face(language, theme if theme in THEMES else "")


def _cookies(header: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}
