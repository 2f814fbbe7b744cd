"""Compression, done once for bytes that are kept: never for a single request."""

import gzip
from functools import lru_cache

_LEVEL = 9


@lru_cache(maxsize=512)
def takes_gzip(accept: str) -> bool:
    """Whether an Accept-Encoding header allows gzip."""
    for part in accept.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def packed(body: bytes) -> bytes:
    """The same bytes whenever it is called: no time is in them."""
    return gzip.compress(body, _LEVEL, mtime=0)
