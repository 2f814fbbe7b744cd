"""Admin sessions: known by a hash, over after 8 hours of silence or 12 in all."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from fenfa.db.tables import login_links as links
from fenfa.db.tables import sessions as table
from fenfa.errors import Unauthenticated
from fenfa.services import sessions
from tests.services.shop import Shop

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_cookie_leads_to_its_token_and_is_not_stored(shop: Shop) -> None:
    value = sessions.open_session(shop.connection, NOW, "tok_1")
    assert sessions.session_token(shop.connection, NOW, value) == "tok_1"
    assert value not in str(shop.connection.execute(select(table)).all())
    assert len(value) >= 43


@pytest.mark.parametrize("value", ["", "nonsense", "\udcff", "x" * 10_000])
def test_unknown_cookie_is_refused(shop: Shop, value: str) -> None:
    sessions.open_session(shop.connection, NOW, "tok_1")
    with pytest.raises(Unauthenticated, match="log in again"):
        sessions.session_token(shop.connection, NOW, value)


def test_silence_ends_a_session(shop: Shop) -> None:
    value = sessions.open_session(shop.connection, NOW, "tok_1")
    sessions.session_token(shop.connection, NOW + sessions.IDLE, value)
    with pytest.raises(Unauthenticated):
        sessions.session_token(shop.connection, NOW + sessions.IDLE + SECOND, value)


def test_use_keeps_a_session_but_not_for_ever(shop: Shop) -> None:
    value = sessions.open_session(shop.connection, NOW, "tok_1")
    sessions.touch_session(shop.connection, NOW + timedelta(hours=7), value)
    sessions.session_token(shop.connection, NOW + sessions.LONGEST, value)
    sessions.touch_session(shop.connection, NOW + sessions.LONGEST, value)
    with pytest.raises(Unauthenticated):
        sessions.session_token(shop.connection, NOW + sessions.LONGEST + SECOND, value)


def test_closed_session_is_over(shop: Shop) -> None:
    value, other = (sessions.open_session(shop.connection, NOW, "tok_1") for _ in range(2))
    sessions.close_session(shop.connection, value)
    with pytest.raises(Unauthenticated):
        sessions.session_token(shop.connection, NOW, value)
    sessions.session_token(shop.connection, NOW, other)


def test_a_new_login_ends_the_one_it_replaces_and_no_other(shop: Shop) -> None:
    old, other = (sessions.open_session(shop.connection, NOW, "tok_1") for _ in range(2))
    fresh = sessions.open_session(shop.connection, NOW, "tok_1", old)
    for value in (other, fresh):
        sessions.session_token(shop.connection, NOW, value)
    with pytest.raises(Unauthenticated):
        sessions.session_token(shop.connection, NOW, old)


def test_a_link_that_is_refused_ends_nothing(shop: Shop) -> None:
    old = sessions.open_session(shop.connection, NOW, "tok_1")
    with pytest.raises(Unauthenticated):
        sessions.redeem_link(shop.connection, NOW, "nonsense", old)
    assert sessions.session_token(shop.connection, NOW, old) == "tok_1"


def test_opening_one_drops_those_that_are_over(shop: Shop) -> None:
    sessions.open_session(shop.connection, NOW, "tok_1")
    sessions.open_session(shop.connection, NOW + timedelta(hours=13), "tok_1")
    assert shop.connection.scalar(select(func.count()).select_from(table)) == 1


def test_link_opens_one_session_and_is_not_stored(shop: Shop) -> None:
    code = sessions.make_link(shop.connection, NOW)
    assert code not in str(shop.connection.execute(select(links)).all())
    value = sessions.redeem_link(shop.connection, NOW, code)
    assert sessions.session_token(shop.connection, NOW, value) == sessions.CONSOLE
    with pytest.raises(Unauthenticated, match="was used or is over"):
        sessions.redeem_link(shop.connection, NOW, code)


def test_link_is_over_after_ten_minutes(shop: Shop) -> None:
    code = sessions.make_link(shop.connection, NOW)
    with pytest.raises(Unauthenticated):
        sessions.redeem_link(shop.connection, NOW + sessions.LINK_LIFE, code)
    sessions.make_link(shop.connection, NOW + sessions.LINK_LIFE)
    assert shop.connection.scalar(select(func.count()).select_from(links)) == 1
