"""Tokens: made once, stored as a hash, refused when wrong, expired or revoked; guessing is throttled."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from fenfa.db.engine import Database
from fenfa.db.tables import auth_failures
from fenfa.db.tables import tokens as table
from fenfa.errors import BadInput, NotFound, RateLimited, Unauthenticated
from fenfa.services import sessions, tokens
from fenfa.services.records import Page
from fenfa.services.tokens import ConfigToken, Identity
from fenfa.vocabulary import Scope
from tests.services.shop import Shop

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
PEPPER = b"p" * 32
SECOND = timedelta(seconds=1)
KNOWN = (ConfigToken("first", Scope.ADMIN), ConfigToken("second", Scope.UPLOAD))


def make(shop: Shop, scope: Scope = Scope.UPLOAD, expires: datetime | None = None) -> tuple[str, str]:
    """(ID, secret text)"""
    record, text = tokens.create_token(shop.connection, NOW, PEPPER, "CI", scope, expires)
    return record["id"], text


def identify(shop: Shop, text: str, now: datetime = NOW, pepper: bytes = PEPPER) -> Identity:
    return tokens.identify(shop.connection, now, pepper, text, KNOWN)


@pytest.mark.parametrize(("scope", "letters"), [(Scope.UPLOAD, "upl"), (Scope.ADMIN, "adm")])
def test_token_has_its_form_and_lets_its_holder_in(shop: Shop, scope: Scope, letters: str) -> None:
    token_id, text = make(shop, scope)
    assert text.startswith(f"fnf_{letters}_{token_id.removeprefix('tok_')}_")
    assert len(text.split("_", 3)[3]) == 43 + 8
    assert identify(shop, text) == Identity(token_id, scope)


def test_secret_is_stored_nowhere(shop: Shop) -> None:
    _, text = make(shop)
    row = shop.connection.execute(select(table)).mappings().one()
    secret = text.split("_", 3)[3][:43]
    assert not any(secret in str(value) for value in row.values())
    (listed,) = tokens.list_tokens(shop.connection, Page()).items
    assert "secret_mac" not in listed


def test_two_tokens_differ(shop: Shop) -> None:
    assert make(shop)[1] != make(shop)[1]


def test_every_other_letter_is_refused(shop: Shop) -> None:
    _, text = make(shop)
    for place in range(len(text)):
        wrong = text[:place] + ("x" if text[place] != "x" else "y") + text[place + 1 :]
        with pytest.raises(Unauthenticated):
            identify(shop, wrong)


@pytest.mark.parametrize(
    "text", ["", "x", "fnf_upl_x_y", "fnf___", "fnf_upl_" + "a" * 80, "\udcff", "é", "a" * 100_000]
)
def test_nonsense_is_refused(shop: Shop, text: str) -> None:
    with pytest.raises(Unauthenticated, match="invalid or missing auth token"):
        identify(shop, text)


def test_secret_of_another_installation_is_refused(shop: Shop) -> None:
    _, text = make(shop)
    with pytest.raises(Unauthenticated):
        identify(shop, text, pepper=b"q" * 32)


def test_token_ends_to_the_second(shop: Shop) -> None:
    end = NOW + timedelta(days=1)
    _, text = make(shop, expires=end)
    identify(shop, text, end - SECOND)
    for late in (end, end + SECOND):
        with pytest.raises(Unauthenticated):
            identify(shop, text, late)


def test_revoked_token_is_refused_at_once(shop: Shop) -> None:
    token_id, text = make(shop)
    tokens.revoke_token(shop.connection, NOW, token_id)
    tokens.revoke_token(shop.connection, NOW + SECOND, token_id)
    with pytest.raises(Unauthenticated):
        identify(shop, text)
    with pytest.raises(Unauthenticated):
        tokens.identify_by_id(shop.connection, NOW, token_id, KNOWN)
    (listed,) = tokens.list_tokens(shop.connection, Page()).items
    assert listed["revoked_at"] == "2026-11-02T09:30:00.000Z"


def test_revoking_ends_the_logins_of_the_token_alone(shop: Shop) -> None:
    mine, other = make(shop)[0], make(shop)[0]
    for token_id in (mine, mine, other):
        sessions.open_session(shop.connection, NOW, token_id)
    assert sessions.count_sessions(shop.connection, NOW, mine) == 2
    assert sessions.count_sessions(shop.connection, NOW + sessions.IDLE + SECOND, mine) == 0
    tokens.revoke_token(shop.connection, NOW, mine)
    assert [sessions.count_sessions(shop.connection, NOW, token_id) for token_id in (mine, other)] == [0, 1]


def test_token_is_told_without_its_secret(shop: Shop) -> None:
    token_id, _ = make(shop)
    told = tokens.get_token(shop.connection, token_id)
    assert told == tokens.list_tokens(shop.connection, Page()).items[0]
    assert "secret_mac" not in told
    with pytest.raises(NotFound, match="token not found"):
        tokens.get_token(shop.connection, "tok_nobody")


def test_unknown_token_cannot_be_revoked(shop: Shop) -> None:
    with pytest.raises(NotFound, match="token not found"):
        tokens.revoke_token(shop.connection, NOW, "tok_nobody")


def test_configured_tokens_count_by_value(shop: Shop) -> None:
    assert identify(shop, "first").scope == Scope.ADMIN
    assert identify(shop, "second").scope == Scope.UPLOAD
    known_as = tokens.config_id(KNOWN[0])
    assert "first" not in known_as
    assert tokens.identify_by_id(shop.connection, NOW, known_as, KNOWN) == Identity(known_as, Scope.ADMIN)
    with pytest.raises(Unauthenticated):
        tokens.identify_by_id(shop.connection, NOW, known_as, ())


def test_every_configured_token_is_compared(shop: Shop) -> None:
    """The first match does not end the comparison, so the time taken does not tell which token was near."""
    asked = []

    class Watched(ConfigToken):
        def __getattribute__(self, name: str) -> object:
            if name == "value":
                asked.append(1)
            return super().__getattribute__(name)

    known = [Watched(str(n), Scope.UPLOAD) for n in range(5)]
    tokens.identify(shop.connection, NOW, PEPPER, "0", known)
    hits = len(asked)
    asked.clear()
    tokens.identify(shop.connection, NOW, PEPPER, "4", known)
    assert hits == len(asked) >= 5


def test_admin_may_everything_and_upload_only_that() -> None:
    admin, upload = Identity("a", Scope.ADMIN), Identity("u", Scope.UPLOAD)
    assert [admin.may(Scope.ADMIN), admin.may(Scope.UPLOAD)] == [True, True]
    assert [upload.may(Scope.ADMIN), upload.may(Scope.UPLOAD)] == [False, True]


def test_last_use_is_noted_to_the_minute(shop: Shop) -> None:
    token_id, _ = make(shop)
    seen = []
    for seconds in (0, 59, 61):
        tokens.note_use(shop.connection, NOW + seconds * SECOND, token_id)
        seen.append(tokens.list_tokens(shop.connection, Page()).items[0]["last_used_at"])
    assert seen == ["2026-11-02T09:30:00.000Z", "2026-11-02T09:30:00.000Z", "2026-11-02T09:31:01.000Z"]


def test_has_tokens(shop: Shop) -> None:
    assert not tokens.has_tokens(shop.connection)
    make(shop)
    assert tokens.has_tokens(shop.connection)


def fail(shop: Shop, times: int, address: str = "192.0.2.1", now: datetime = NOW) -> None:
    for _ in range(times):
        tokens.note_failure(shop.connection, now, address)


def test_tenth_failure_closes_the_door_for_its_network(shop: Shop) -> None:
    fail(shop, 9)
    tokens.check_throttle(shop.connection, NOW, "192.0.2.1")
    fail(shop, 1)
    with pytest.raises(RateLimited) as refused:
        tokens.check_throttle(shop.connection, NOW, "192.0.2.1")
    assert refused.value.retry_after == 300
    tokens.check_throttle(shop.connection, NOW, "192.0.2.2")


def test_door_opens_after_the_window(shop: Shop) -> None:
    fail(shop, 10)
    with pytest.raises(RateLimited) as refused:
        tokens.check_throttle(shop.connection, NOW + 299 * SECOND, "192.0.2.1")
    assert refused.value.retry_after == 1
    tokens.check_throttle(shop.connection, NOW + 300 * SECOND, "192.0.2.1")
    fail(shop, 1, now=NOW + 300 * SECOND)
    tokens.check_throttle(shop.connection, NOW + 300 * SECOND, "192.0.2.1")
    assert {row.source: row.failures for row in shop.connection.execute(select(auth_failures))} == {
        "192.0.2.1": 1,
        "*": 1,
    }


def test_addresses_of_one_ipv6_network_count_together(shop: Shop) -> None:
    for n in range(10):
        fail(shop, 1, f"2001:db8:0:7::{n:x}")
    with pytest.raises(RateLimited):
        tokens.check_throttle(shop.connection, NOW, "2001:db8:0:7:ffff::1")
    tokens.check_throttle(shop.connection, NOW, "2001:db8:0:8::1")


def test_thousand_failures_of_all_close_the_door_for_all_who_failed(shop: Shop) -> None:
    row = {"source": "*", "window_started": int(NOW.timestamp()), "failures": 998}
    shop.connection.execute(insert(auth_failures).values(row))
    fail(shop, 1, "192.0.2.9")
    tokens.check_throttle(shop.connection, NOW, "192.0.2.9")
    fail(shop, 1)
    with pytest.raises(RateLimited):
        tokens.check_throttle(shop.connection, NOW, "192.0.2.9")
    tokens.check_throttle(shop.connection, NOW, "192.0.2.8")


def test_failures_at_once_all_count(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        done = [pool.submit(database.write_now, tokens.note_failure, NOW, "192.0.2.1") for _ in range(8)]
    assert [one.result() for one in done] == [None] * 8
    with database.reading() as connection:
        assert set(connection.scalars(select(auth_failures.c.failures))) == {8}


@pytest.mark.parametrize("address", ["", "testclient", "x" * 1000, "unix:"])
def test_address_that_is_none_counts_as_it_is(shop: Shop, address: str) -> None:
    fail(shop, 10, address)
    with pytest.raises(RateLimited):
        tokens.check_throttle(shop.connection, NOW, address)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("never", None),
        ("90d", NOW + timedelta(days=90)),
        ("12h", NOW + timedelta(hours=12)),
        ("5m", NOW + timedelta(minutes=5)),
        ("2027-01-31T00:00:00Z", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T02:00:00+02:00", datetime(2027, 1, 31, tzinfo=UTC)),
    ],
)
def test_expiry_is_read(text: str | None, expected: datetime | None) -> None:
    assert tokens.parse_expiry(text, NOW) == expected


@pytest.mark.parametrize(
    "text", ["", "d", "0d", "-1d", "1.5d", "9" * 30 + "d", "soon", "2020-01-01T00:00:00Z", "2027-01-31T00:00:00", "1w"]
)
def test_expiry_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="expires must"):
        tokens.parse_expiry(text, NOW)
