"""Events on their way in: buffered, and written with the counts that follow from them."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from fenfa.db.tables import events, products, releases
from fenfa.services import traffic
from fenfa.services.events import list_events
from fenfa.services.extents import EventFilter
from fenfa.services.records import Page, stamp
from fenfa.services.traffic import EventBuffer
from fenfa.vocabulary import EventType
from tests.services.shop import Shop, event


def download_count(shop: Shop, release_id: str) -> int:
    return int(shop.connection.scalar(select(releases.c.download_count).where(releases.c.id == release_id)) or 0)


def test_downloads_count_and_move_the_page(shop: Shop) -> None:
    product = shop.product()
    variant = shop.variant(product)
    release, other = shop.release(variant), shop.release(variant)
    before = shop.connection.scalar(select(products.c.revision).where(products.c.id == product)) or 0
    made = [event(release_id=release, product_id=product) for _ in range(3)]
    shop.record(*made, event(release_id=other, product_id=product), event(EventType.VISIT, product_id=product))
    assert (download_count(shop, release), download_count(shop, other)) == (3, 1)
    assert shop.connection.scalar(select(products.c.revision).where(products.c.id == product)) == before + 1
    assert shop.connection.scalar(select(func.count()).select_from(events)) == 5


def test_visits_and_clicks_move_nothing(shop: Shop) -> None:
    product = shop.product()
    shop.record(event(EventType.VISIT, product_id=product), event(EventType.CLICK, product_id=product))
    assert shop.connection.scalar(select(products.c.revision)) == 1


def test_nothing_is_written_for_nothing(shop: Shop) -> None:
    shop.record()
    assert shop.connection.scalar(select(func.count()).select_from(events)) == 0


def test_event_of_a_deleted_release_is_kept(shop: Shop) -> None:
    shop.record(event(release_id="rel_gone", product_id="prd_gone"))
    assert shop.connection.scalar(select(func.count()).select_from(events)) == 1


def test_parts_of_one_download_count_once(shop: Shop) -> None:
    release = shop.release()
    part = event(release_id=release, is_part=True)
    shop.record(*[part] * 500)
    shop.record(*[part] * 500)
    assert download_count(shop, release) == 1
    shop.record(event(release_id=release, is_part=True, visitor="somebody else"))
    assert download_count(shop, release) == 2


def test_part_after_a_whole_download_does_not_count(shop: Shop) -> None:
    release = shop.release()
    shop.record(event(release_id=release), event(release_id=release, is_part=True))
    assert download_count(shop, release) == 1
    shop.record(event(release_id=release))
    assert download_count(shop, release) == 2


def test_event_keeps_what_it_was_given(shop: Shop) -> None:
    extra = {"label": "größer", "n": 1, "deep": [None, True]}
    shop.record(event(EventType.CLICK, ua="ü" * 500, extra=extra, app_id="app_1"))
    (row,) = list_events(shop.connection, EventFilter(), Page()).items
    assert (row["type"], row["ua"], row["extra"], row["app_id"]) == ("click", "ü" * 500, extra, "app_1")
    assert "visitor" not in row


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
        ("::ffff:192.0.2.77", "192.0.2.0"),
        ("", ""),
        ("testclient", ""),
        ("192.0.2.300", ""),
        ("fe80::1%eth0", "fe80::"),
    ],
)
def test_network_does_not_point_to_a_person(address: str, network: str) -> None:
    assert traffic.network_of(address).partition("%")[0] == network


def test_visitor_differs_by_day_address_agent_and_secret() -> None:
    given = (b"s", "2026-11-02", "192.0.2.1", "curl")
    others = [
        (b"t", *given[1:]),
        (b"s", "2026-11-03", *given[2:]),
        (*given[:2], "192.0.2.2", "curl"),
        (*given[:3], "\udcff"),
    ]
    assert len({traffic.visitor_of(*one) for one in (given, *others)}) == 5
    assert traffic.visitor_of(*given) == traffic.visitor_of(*given)
    assert "192" not in traffic.visitor_of(*given)


def test_buffer_gives_everything_once_and_takes_it_back_in_order() -> None:
    buffer = EventBuffer()
    for n in range(3):
        buffer.add(event(ua=str(n)))
    drained = buffer.drain()
    assert (len(buffer), buffer.drain()) == (0, [])
    buffer.add(event(ua="3"))
    buffer.restore(drained)
    assert [one.ua for one in buffer.drain()] == ["0", "1", "2", "3"]


def test_buffer_is_bounded() -> None:
    buffer = EventBuffer()
    one = event()
    for _ in range(50_001):
        buffer.add(one)
    assert len(buffer) == 50_000
    buffer.restore([one])
    assert len(buffer) == 50_000


def test_stamp_sorts_as_time_does() -> None:
    moments = [
        datetime(2026, 1, 1, 0, 0, 0, 1000, UTC),
        datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
    ]
    assert [stamp(m) for m in moments] == sorted(stamp(m) for m in moments)
    assert stamp(moments[0]) == "2026-01-01T00:00:00.001Z"
