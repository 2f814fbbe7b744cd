"""Blocking work off the event loop."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread

P = ParamSpec("P")
T = TypeVar("T")
_HERE, _FAR = 16, 32
_limiters: dict[int, CapacityLimiter] = {}


async def in_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """At most 16 at once; the rest wait their turn. Cancelling the caller lets the work go on."""
    return await _limited(_HERE, lambda: call(*args, **kwargs))


async def in_far_thread(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The same for what may ask an object store: when that does not answer, at most 32 wait for it, and nobody waits for them."""
    return await _limited(_FAR, lambda: call(*args, **kwargs))


async def _limited(limit: int, call: Callable[[], T]) -> T:
    limiter = _limiters.setdefault(limit, CapacityLimiter(limit))
    return await to_thread.run_sync(call, limiter=limiter, abandon_on_cancel=True)
