"""Tokens: what Apple asks of them, and how long one serves."""

from datetime import timedelta
from typing import Any

import jwt
import pytest

from fenfa.apple.keys import Signer, signer_of
from tests.support.app_store import ISSUER, make_key
from tests.support.client import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_token_is_as_apple_wants_it(clock: Clock) -> None:
    key, public = make_key()
    token = Signer(key).token(clock)
    assert jwt.get_unverified_header(token) == {"alg": "ES256", "kid": "ABC123DEF4", "typ": "JWT"}
    options: Any = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(token, public, ["ES256"], options, audience="appstoreconnect-v1")
    now = clock().timestamp()
    assert claims == {"iss": ISSUER, "aud": "appstoreconnect-v1", "iat": now - 30, "exp": now + 900}
    assert claims["exp"] - claims["iat"] <= 20 * 60


def test_a_token_serves_for_ten_minutes(clock: Clock) -> None:
    signer = Signer(make_key()[0])
    first = signer.token(clock)
    clock.move(minutes=9, seconds=59)
    assert signer.token(clock) == first
    clock.move(seconds=1)
    second = signer.token(clock)
    assert second != first
    clock.now -= timedelta(hours=1)  # a clock that was set back
    assert signer.token(clock) not in (first, second)


def test_requests_share_the_token_of_a_key(clock: Clock) -> None:
    one, other = make_key("AAAAAAAAAA")[0], make_key("BBBBBBBBBB")[0]
    assert signer_of(one).token(clock) == signer_of(one).token(clock)
    assert signer_of(one).token(clock) != signer_of(other).token(clock)


def test_a_key_does_not_show_itself() -> None:
    key = make_key()[0]
    assert repr(key) == "TeamKey(ABC123DEF4)"
    assert "PRIVATE" not in f"{[key]}"
