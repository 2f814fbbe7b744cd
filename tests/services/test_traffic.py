"""Events: buffered, written with the counts that follow from them, listed and counted by day."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from fenfa.db.tables import events, products, releases
from fenfa.services import traffic
from fenfa.services.records import Page, stamp
from fenfa.services.traffic import EventBuffer, EventFilter
from fenfa.vocabulary import EventType
from tests.services.shop import Shop, event


def download_count(shop: Shop, release_id: str) -> int:
    return int(shop.connection.scalar(select(releases.c.download_count).where(releases.c.id == release_id)) or 0)


def record(shop: Shop, *happened: traffic.Event) -> None:
    traffic.record_events(shop.connection, happened)


def test_downloads_count_and_move_the_page(shop: Shop) -> None:
    product = shop.product()
    variant = shop.variant(product)
    release, other = shop.release(variant), shop.release(variant)
    before = shop.connection.scalar(select(products.c.revision).where(products.c.id == product)) or 0
    made = [event(release_id=release, product_id=product) for _ in range(3)]
    record(shop, *made, event(release_id=other, product_id=product), event(EventType.VISIT, product_id=product))
    assert (download_count(shop, release), download_count(shop, other)) == (3, 1)
    assert shop.connection.scalar(select(products.c.revision).where(products.c.id == product)) == before + 1
    assert shop.connection.scalar(select(func.count()).select_from(events)) == 5


def test_visits_and_clicks_move_nothing(shop: Shop) -> None:
    product = shop.product()
    record(shop, event(EventType.VISIT, product_id=product), event(EventType.CLICK, product_id=product))
    assert shop.connection.scalar(select(products.c.revision)) == 1


def test_nothing_is_written_for_nothing(shop: Shop) -> None:
    record(shop)
    assert shop.connection.scalar(select(func.count()).select_from(events)) == 0


def test_event_of_a_deleted_release_is_kept(shop: Shop) -> None:
    record(shop, event(release_id="rel_gone", product_id="prd_gone"))
    assert shop.connection.scalar(select(func.count()).select_from(events)) == 1


def test_parts_of_one_download_count_once(shop: Shop) -> None:
    release = shop.release()
    part = event(release_id=release, is_part=True)
    record(shop, *[part] * 500)
    record(shop, *[part] * 500)
    assert download_count(shop, release) == 1
    record(shop, event(release_id=release, is_part=True, visitor="somebody else"))
    assert download_count(shop, release) == 2


def test_part_after_a_whole_download_does_not_count(shop: Shop) -> None:
    release = shop.release()
    record(shop, event(release_id=release), event(release_id=release, is_part=True))
    assert download_count(shop, release) == 1
    record(shop, event(release_id=release))
    assert download_count(shop, release) == 2


def test_event_keeps_what_it_was_given(shop: Shop) -> None:
    extra = {"label": "größer", "n": 1, "deep": [None, True]}
    record(shop, event(EventType.CLICK, ua="ü" * 500, extra=extra, app_id="app_1"))
    (row,) = traffic.list_events(shop.connection, EventFilter(), Page()).items
    assert (row["type"], row["ua"], row["extra"], row["app_id"]) == ("click", "ü" * 500, extra, "app_1")
    assert "visitor" not in row


def test_list_is_newest_first_and_filtered(shop: Shop) -> None:
    days = (
        "2026-11-01T23:59:59.999Z",
        "2026-11-02T00:00:00.000Z",
        "2026-11-02T23:59:59.999Z",
        "2026-11-03T00:00:00.000Z",
    )
    record(shop, *(event(ts=ts, variant_id=f"var_{n}") for n, ts in enumerate(days)))

    def listed(**wanted: str) -> list[str]:
        return [
            row["variant_id"][4:] for row in traffic.list_events(shop.connection, EventFilter(**wanted), Page()).items
        ]

    assert listed() == ["3", "2", "1", "0"]
    assert listed(start="2026-11-02", end="2026-11-02") == ["2", "1"]
    assert listed(start="2026-11-03") == ["3"]
    assert listed(end="2026-11-01") == ["0"]
    assert listed(variant_id="var_1", type="download") == ["1"]
    assert listed(type="visit") == listed(app_id="app_9") == listed(release_id="rel_9") == []
    page = traffic.list_events(shop.connection, EventFilter(), Page(limit=1, offset=1))
    assert (page.items[0]["variant_id"], page.total) == ("var_2", 4)


def test_totals_count_a_device_once_a_day(shop: Shop) -> None:
    variant = shop.variant()
    release = shop.release(variant)
    mine: dict[str, Any] = {"variant_id": variant, "release_id": release}
    record(shop, *(event(visitor=visitor, **mine) for visitor in ("a", "a", "b")))
    record(shop, event(EventType.VISIT, visitor="c", **mine), event(EventType.CLICK, visitor="d", **mine))
    record(shop, event(EventType.VISIT, variant_id="var_other"))
    totals = {"downloads": 3, "visits": 1, "clicks": 1, "unique_devices": 2}
    assert traffic.count_totals(shop.connection, variant) == totals
    assert set(traffic.count_totals(shop.connection, "var_nobody").values()) == {0}


def test_days_without_events_are_there(shop: Shop) -> None:
    variant = shop.variant()
    stamps = (
        "2026-10-31T23:59:59.999Z",
        "2026-11-01T00:00:00.000Z",
        "2026-11-01T23:59:59.999Z",
        "2026-11-03T12:00:00.000Z",
    )
    record(shop, *(event(EventType.VISIT, ts=ts, variant_id=variant) for ts in stamps))
    record(shop, event(ts=stamps[3], variant_id=variant), event(EventType.CLICK, ts=stamps[3], variant_id="var_other"))
    days = ["2026-11-01", "2026-11-02", "2026-11-03"]
    counted = traffic.count_daily(shop.connection, variant, days)
    assert [day["date"] for day in counted] == days
    assert [(d["visits"], d["downloads"], d["clicks"]) for d in counted] == [(2, 0, 0), (0, 0, 0), (1, 1, 0)]


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
