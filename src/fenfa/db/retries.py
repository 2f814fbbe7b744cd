"""Which failures of PostgreSQL pass by themselves, and doing a unit again after one.

Only what certainly had no effect is done again: the server said that it rolled back, or the connection broke before COMMIT.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

T = TypeVar("T")
_WAITS = (0.05, 0.25, 0.7)
_PASSING = ("40001", "40P01", "57P01", "57P02", "57P03", "08")
"""Lost against another transaction, the server is ended or not up yet, the connection failed: SQLSTATEs or their class."""


def repeated(call: Callable[[], T]) -> T:
    """`call` begins a transaction of its own. Blocks for a second at most between the attempts; the last error is raised."""
    for wait in _WAITS:
        try:
            return call()
        except DBAPIError as error:
            if not _passes(error):
                raise
            time.sleep(wait)
    return call()


def _passes(error: DBAPIError) -> bool:
    state = str(getattr(error.orig, "sqlstate", None) or "")
    return error.connection_invalidated or state.startswith(_PASSING)
