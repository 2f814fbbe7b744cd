"""Blocking work off the event loop."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread

P = ParamSpec("P")
T = TypeVar("T")
_LIMIT = 16
_limiters: list[CapacityLimiter] = []


async def in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """At most 16 at once; the rest wait their turn. Cancelling the caller lets the work go on."""
    if not _limiters:
        _limiters.append(CapacityLimiter(_LIMIT))
    return await to_thread.run_sync(lambda: call(*args, **kwargs), limiter=_limiters[0], abandon_on_cancel=True)
