"""What is counted: by day, by who asked, by what was asked for."""

from datetime import date
from typing import Any

from fenfa.services import statistics
from fenfa.services.statistics import Span, Subject
from fenfa.vocabulary import EventType
from tests.services.shop import Shop, event

SPAN = Span(date(2026, 11, 1), date(2026, 11, 3))
EVERYTHING = Subject()


def test_totals_count_a_device_once_a_day(shop: Shop) -> None:
    variant = shop.variant()
    release = shop.release(variant)
    mine: dict[str, Any] = {"variant_id": variant, "release_id": release}
    shop.record(*(event(visitor=visitor, **mine) for visitor in ("a", "a", "b")))
    shop.record(event(EventType.VISIT, visitor="c", **mine), event(EventType.CLICK, visitor="d", **mine))
    shop.record(event(EventType.VISIT, variant_id="var_other"))
    totals = {"downloads": 3, "visits": 1, "clicks": 1, "unique_devices": 2}
    assert statistics.count_totals(shop.connection, variant) == totals
    assert set(statistics.count_totals(shop.connection, "var_nobody").values()) == {0}


def test_days_without_events_are_there(shop: Shop) -> None:
    stamps = (
        "2026-10-31T23:59:59.999Z",
        "2026-11-01T00:00:00.000Z",
        "2026-11-01T23:59:59.999Z",
        "2026-11-03T23:59:59.999Z",
        "2026-11-04T00:00:00.000Z",
    )
    mine: dict[str, Any] = {"variant_id": "var_mine"}
    shop.record(*(event(EventType.VISIT, ts=ts, **mine) for ts in stamps))
    shop.record(event(ts=stamps[3], **mine), event(EventType.CLICK, ts=stamps[3], variant_id="var_other"))
    counted = statistics.count_by_day(shop.connection, Subject(variant_id="var_mine"), SPAN)
    assert [day["date"] for day in counted] == ["2026-11-01", "2026-11-02", "2026-11-03"]
    counts = [(day["visits"], day["downloads"], day["clicks"]) for day in counted]
    assert counts == [(2, 0, 0), (0, 0, 0), (1, 1, 0)]


def test_devices_of_a_day_are_those_that_downloaded(shop: Shop) -> None:
    shop.record(*(event(visitor=visitor) for visitor in ("a", "a", "b")), event(EventType.VISIT, visitor="c"))
    shop.record(event(visitor="a", ts="2026-11-03T00:00:00.000Z"))
    counted = statistics.count_by_day(shop.connection, EVERYTHING, SPAN)
    assert [day["unique_devices"] for day in counted] == [0, 2, 1]
    assert statistics.sum_days(counted) == {"downloads": 4, "visits": 1, "clicks": 0, "unique_devices": 3}


def test_before_is_as_long_and_ends_where_the_span_starts(shop: Shop) -> None:
    shop.record(*(event(ts=f"2026-10-{day}T12:00:00.000Z") for day in (28, 29, 30, 31)), event())
    days, before = statistics.count_with_before(shop.connection, EVERYTHING, SPAN)
    assert [day["date"] for day in before] == ["2026-10-29", "2026-10-30", "2026-10-31"]
    assert [day["downloads"] for day in before] == [1, 1, 1]
    assert [day["downloads"] for day in days] == [0, 1, 0]


def test_the_narrowest_that_is_named_counts(shop: Shop) -> None:
    ids: dict[str, Any] = {"product_id": "prd_1", "variant_id": "var_1", "release_id": "rel_1"}
    shop.record(event(**ids), event(**ids | {"release_id": "rel_2"}), event(**ids | {"variant_id": "var_2"}), event())

    def downloads(**names: str) -> int:
        days = statistics.count_by_day(shop.connection, Subject(**names), SPAN)
        return int(statistics.sum_days(days)["downloads"])

    assert downloads() == 4
    assert downloads(product_id="prd_1") == 3
    assert downloads(product_id="prd_1", variant_id="var_1") == 2
    assert downloads(variant_id="var_1", release_id="rel_2") == 1
    assert downloads(product_id="prd_9") == 0


def test_agents_are_counted_apart(shop: Shop) -> None:
    shop.record(event(ua="one/1"), event(EventType.VISIT, ua="one/2"), event(EventType.CLICK, ua="two"))
    shop.record(event(ua="three", ts="2026-11-04T00:00:00.000Z"))
    counted = {row["program"]: row for row in statistics.count_by_agent(shop.connection, EVERYTHING, SPAN)}
    told = {"system": "", "version": "", "in_app": False, "is_installer": False}
    one, two = {"downloads": 1, "visits": 1, "clicks": 0}, {"downloads": 0, "visits": 0, "clicks": 1}
    assert counted == {"one": told | one | {"program": "one"}, "two": told | two | {"program": "two"}}


def test_places_have_names_as_long_as_they_are_there(shop: Shop) -> None:
    product = shop.product("Weather")
    variant = shop.variant(product)
    ids: dict[str, Any] = {"product_id": product, "variant_id": variant}
    release = shop.release(variant, version="2.1", build=7)
    shop.record(event(**ids, release_id=release), event(**ids, release_id="rel_gone"), event(EventType.VISIT, **ids))
    counted = {row["release_id"]: row for row in statistics.count_by_place(shop.connection, EVERYTHING, SPAN)}
    assert set(counted) == {release, "rel_gone", ""}
    assert (counted[release]["release_version"], counted[release]["downloads"]) == ("2.1", 1)
    assert (counted["rel_gone"]["release_version"], counted["rel_gone"]["product_name"]) == (None, "Weather")
    assert (counted[""]["visits"], counted[""]["variant_platform"]) == (1, "linux")


def test_a_report_is_all_of_it(shop: Shop) -> None:
    shop.record(event(), event(ts="2026-10-31T00:00:00.000Z"))
    report = statistics.make_report(shop.connection, EVERYTHING, SPAN)
    assert (len(report.days), len(report.before), len(report.agents), len(report.places)) == (3, 3, 1, 1)
    assert statistics.sum_days(report.before)["downloads"] == 1
