"""The event loop of a worker: asyncio's, but for callbacks that need no turn in it."""

from asyncio import Handle, SelectorEventLoop
from collections.abc import Callable
from contextvars import Context
from typing import Any, TypeVarTuple

Ts = TypeVarTuple("Ts")
_soon, _safely = SelectorEventLoop.call_soon, SelectorEventLoop.call_soon_threadsafe


class AtOnce:
    """A callback that is called where `Loop` is told of it, in whatever thread that is. It must be quick and must not raise."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., None]) -> None:
        self._call = call

    def __call__(self, *args: Any) -> None:
        self._call(*args)


class Loop(SelectorEventLoop):
    """Granian says by these two methods that something which was awaited is there. For a piece of an upload, which a thread of
    its own waits for, a turn in the loop costs more than taking it in."""

    def call_soon(self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None) -> Handle:
        if type(callback) is AtOnce:
            return _called(callback, args, self)
        return _soon(self, callback, *args, context=context)

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> Handle:
        if type(callback) is AtOnce:
            return _called(callback, args, self)
        return _safely(self, callback, *args, context=context)


def _called(callback: AtOnce, args: tuple[Any, ...], loop: Loop) -> Handle:
    callback(*args)
    return Handle(callback, args, loop)
