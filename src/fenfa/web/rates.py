"""How often an address may call what waits in memory: counted by each worker for itself, since a write for each call would cost
more than the call. What writes anyway is counted in the database, see services/calls.py."""

from fenfa.errors import RateLimited
from fenfa.services.tokens import source_of

_WINDOW = 60


class CallRate:
    """At most `limit` calls in each minute of the clock, by IPv4 address or IPv6 /64."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._window = 0
        self._calls: dict[str, int] = {}

    def count(self, address: str, now: float) -> None:
        """`RateLimited` beyond the limit. `now`: seconds since the epoch."""
        window, gone = divmod(int(now), _WINDOW)
        if window != self._window:
            self._window, self._calls = window, {}
        caller = source_of(address)
        calls = self._calls.get(caller, 0)
        if calls >= self._limit:
            wait = _WINDOW - gone
            raise RateLimited("too many requests; try again in {wait} seconds", wait=wait, retry_after=wait)
        self._calls[caller] = calls + 1
