"""QR codes as inline SVG."""

from functools import lru_cache

import segno
from markupsafe import Markup


@lru_cache(maxsize=512)
def qr_svg(text: str) -> Markup:
    """Black on white whatever the page: that is what every camera reads."""
    code = segno.make(text, error="m")
    return Markup(code.svg_inline(scale=4, dark="#000", light="#fff", border=2, omitsize=True))  # noqa: S704 -- made by segno
