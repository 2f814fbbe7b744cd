"""The log of events: filtered, newest first, page after page."""

import pytest

from fenfa.errors import BadInput
from fenfa.services.events import list_events, read_log
from fenfa.services.extents import EventFilter
from fenfa.services.records import Page
from fenfa.vocabulary import EventType
from tests.services.shop import NOW, Shop, event


def test_list_is_newest_first_and_filtered(shop: Shop) -> None:
    days = (
        "2026-11-01T23:59:59.999Z",
        "2026-11-02T00:00:00.000Z",
        "2026-11-02T23:59:59.999Z",
        "2026-11-03T00:00:00.000Z",
    )
    shop.record(*(event(ts=ts, variant_id=f"var_{n}", product_id=f"prd_{n % 2}") for n, ts in enumerate(days)))

    def listed(**wanted: str) -> list[str]:
        return [row["variant_id"][4:] for row in list_events(shop.connection, EventFilter(**wanted), Page()).items]

    assert listed() == ["3", "2", "1", "0"]
    assert listed(start="2026-11-02", end="2026-11-02") == ["2", "1"]
    assert listed(start="2026-11-03") == ["3"]
    assert listed(end="2026-11-01") == ["0"]
    assert listed(variant_id="var_1", type="download") == ["1"]
    assert listed(product_id="prd_1") == ["3", "1"]
    assert listed(type="visit") == listed(app_id="app_9") == listed(release_id="rel_9") == []
    page = list_events(shop.connection, EventFilter(), Page(limit=1, offset=1))
    assert (page.items[0]["variant_id"], page.total) == ("var_2", 4)


def test_events_that_came_in_out_of_order_are_listed_by_time(shop: Shop) -> None:
    shop.record(event(ts="2026-11-02T10:00:00.000Z", ua="late"))
    shop.record(event(ts="2026-11-02T09:00:00.000Z", ua="early"))
    assert [row["ua"] for row in read_log(shop.connection, EventFilter(), 9)] == ["late", "early"]


def test_platform_is_that_of_the_variant(shop: Shop) -> None:
    phone, desktop = shop.variant(platform="ios"), shop.variant(platform="linux")
    shop.record(event(variant_id=phone), event(variant_id=desktop), event(variant_id="var_gone"))
    found = read_log(shop.connection, EventFilter(platform="ios"), 9)
    assert [(row["variant_id"], row["variant_platform"]) for row in found] == [(phone, "ios")]
    assert read_log(shop.connection, EventFilter(platform="windows"), 9) == []


def test_log_names_what_was_touched(shop: Shop) -> None:
    product = shop.product("Weather")
    variant = shop.variant(product, display_name="For testers")
    release = shop.release(variant, version="2.1", build=7)
    shop.record(event(product_id=product, variant_id=variant, release_id=release))
    shop.record(event(EventType.VISIT, product_id=product, variant_id=variant, release_id="rel_gone"))
    visit, download = read_log(shop.connection, EventFilter(), 9)
    assert (download["product_name"], download["variant_display_name"]) == ("Weather", "For testers")
    assert (download["release_version"], download["release_build"]) == ("2.1", 7)
    assert (visit["product_name"], visit["release_version"]) == ("Weather", None)


def test_pages_follow_each_other_while_events_come_in(shop: Shop) -> None:
    shop.record(*(event(ua=str(n)) for n in range(5)))  # all in the same moment
    first = read_log(shop.connection, EventFilter(), 2)
    shop.record(event(ts="2026-11-02T09:30:01.000Z", ua="new"))
    second = read_log(shop.connection, EventFilter(), 2, first[-1]["mark"])
    third = read_log(shop.connection, EventFilter(), 2, second[-1]["mark"])
    assert [row["ua"] for row in (*first, *second, *third)] == ["4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    "mark", ["x", "1", f"{NOW}_", f"{NOW}_x", f"{NOW}_" + "9" * 19, "\0_1", "'; DROP TABLE events; --_1"]
)
def test_a_mark_that_is_none(shop: Shop, mark: str) -> None:
    with pytest.raises(BadInput, match="the mark of an event"):
        read_log(shop.connection, EventFilter(), 9, mark)
