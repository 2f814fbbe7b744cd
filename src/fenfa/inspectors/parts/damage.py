"""What damaged bytes make parsing code run into, turned into the one error that says so."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager

from fenfa.errors import BadPackage


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Within (or as a decorator), the errors that wrong offsets, counts and texts cause become BadPackage."""
    try:
        yield
    except (IndexError, KeyError, ValueError, OverflowError, RecursionError, struct.error):
        raise BadPackage(f"{what} is damaged") from None
