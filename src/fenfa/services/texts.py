"""Texts that come from packages and people: what may be kept of them, and slugs made of them."""

import re
import unicodedata

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_CONTROLS_IN_PROSE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_SLUG_LENGTH = 80


def has_controls(text: str, *, prose: bool = False) -> bool:
    """Control characters and lone surrogates; prose may hold line breaks and tabs."""
    return bool((_CONTROLS_IN_PROSE if prose else _CONTROLS).search(text))


def one_line(text: str, limit: int = 255) -> str:
    """The text without control characters, cut to the limit: for values that nobody typed, such as a package's name."""
    return " ".join(_CONTROLS.sub(" ", text).split())[:limit].strip()


def slug_of(name: str) -> str:
    """Letters and digits of any script in lower case, joined by `-`; empty if the name has none."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).lower())
    words = "".join(c if _is_written(c) else " " for c in folded).split()
    return "-".join(word for word in words if any(map(str.isalnum, word)))[:_SLUG_LENGTH].strip("-")


def _is_written(c: str) -> bool:
    """A letter, a digit or a mark on one: the vowels of Indic scripts are marks. Emoji's variation selectors are none."""
    return c.isalnum() or (unicodedata.category(c) in ("Mn", "Mc") and not "\ufe00" <= c <= "\ufe0f")


def is_slug(text: str) -> bool:
    return bool(text) and text == slug_of(text)
