"""QR codes as SVG."""

import io
from functools import lru_cache

import segno
from markupsafe import Markup

_COLOURS = {"dark": "#000", "light": "#fff", "border": 2, "scale": 4}  # what every camera reads, whatever the page


@lru_cache(maxsize=512)
def qr_svg(text: str, name: str = "") -> Markup:
    """To stand inside a page; `name` is its ID there, for showing it once more."""
    made = segno.make(text, error="m").svg_inline(omitsize=True, svgid=name or None, **_COLOURS)
    return Markup(made)  # noqa: S704 -- made by segno


def qr_picture(text: str) -> bytes:
    """A file of its own."""
    out = io.BytesIO()
    segno.make(text, error="m").save(out, kind="svg", **_COLOURS)
    return out.getvalue()
