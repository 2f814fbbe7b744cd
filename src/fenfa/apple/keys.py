"""The key of an Apple team, and the tokens that it signs.

Source: Apple, "Generating Tokens for API Requests": ES256, audience `appstoreconnect-v1`, at most 20 minutes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

_REUSED = timedelta(minutes=10)
_LIVES = timedelta(minutes=15)
_SKEW = timedelta(seconds=30)
"""How far ahead our clock may be: a token from the future is refused."""


@dataclass(frozen=True)
class TeamKey:
    """A team key of App Store Connect; `private_key` is the text of its .p8 file."""

    key_id: str
    issuer_id: str
    private_key: str

    def __repr__(self) -> str:
        return f"TeamKey({self.key_id})"


class Signer:
    """Makes tokens of one key. One serves for ten minutes."""

    def __init__(self, key: TeamKey) -> None:
        self._key = key
        self._token = ""
        self._made: datetime | None = None

    def token(self, clock: Callable[[], datetime]) -> str:
        now = clock()
        if self._made is None or not self._made <= now < self._made + _REUSED:
            self._token, self._made = self._sign(now), now
        return self._token

    def _sign(self, now: datetime) -> str:
        import jwt

        times = {"iat": int((now - _SKEW).timestamp()), "exp": int((now + _LIVES).timestamp())}
        claims = {"iss": self._key.issuer_id, "aud": "appstoreconnect-v1", **times}
        return jwt.encode(claims, self._key.private_key, "ES256", {"kid": self._key.key_id})


@lru_cache(maxsize=64)
def signer_of(key: TeamKey) -> Signer:
    """The same for the same key, so that requests share its token."""
    return Signer(key)
