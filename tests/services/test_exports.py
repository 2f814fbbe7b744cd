"""CSV exports and devices: streamed in batches, safe in a spreadsheet, filtered as the lists are."""

import csv
import io
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Select, insert, literal, select

from fenfa.db.engine import Database
from fenfa.db.tables import device_bindings, devices
from fenfa.runtime import Runtime
from fenfa.services.devices import devices_query, list_devices
from fenfa.services.exports import _cell, csv_chunks, devices_export_query, event_chunks, releases_query
from fenfa.services.extents import EventFilter
from fenfa.services.records import Page
from fenfa.services.traffic import record_events
from fenfa.vocabulary import EventType
from tests.services.shop import NOW, Shop, event


def read(database: Database, query: Select[Any]) -> list[dict[str, str]]:
    text = b"".join(csv_chunks(database, query)).decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def device(number: int, **values: str) -> dict[str, Any]:
    row = {"id": f"dev_{number}", "udid": f"0000-{number:04}", "device_name": f"Phone {number}", "created_at": NOW}
    return row | {"model": "iPhone15,2"} | values


def test_releases_are_exported_newest_first(bench: Runtime) -> None:
    with bench.database.writing() as connection:
        shop = Shop(connection, bench)
        first, second = shop.variant(), shop.variant()
        old, new = shop.release(first, version="=1+1", created_at="2026-11-01T10:00:00.000Z"), shop.release(second)
    rows = read(bench.database, releases_query(EventFilter()))
    assert [row["release_id"] for row in rows] == [new, old]
    assert list(rows[0]) == [
        *("app_id", "variant_id", "release_id", "version", "build", "created_at"),
        *("size_bytes", "sha256", "download_count", "channel"),
    ]
    assert rows[1]["version"] == "'=1+1"

    def exported(**wanted: str) -> list[str]:
        return [row["release_id"] for row in read(bench.database, releases_query(EventFilter(**wanted)))]

    assert exported(variant_id=first) == exported(end="2026-11-01") == exported(app_id="app_" + first[4:]) == [old]
    assert exported(start="2026-11-02") == [new]


def test_large_export_is_streamed(bench: Runtime) -> None:
    rows = [event(EventType.VISIT, ua="x" * 200, extra={"n": n}) for n in range(20_000)]
    bench.database.write_now(record_events, rows)
    tracemalloc.start()
    chunks, lines = 0, 0
    for chunk in event_chunks(bench.database, EventFilter()):
        chunks, lines = chunks + 1, lines + chunk.count(b"\r\n")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (chunks, lines) == (21, 20_001)
    assert peak < 4_000_000


def test_export_that_is_cut_off_gives_its_connection_back(bench: Runtime) -> None:
    def begin() -> Iterator[bytes]:
        chunks = csv_chunks(bench.database, select(literal("x").label("x")))
        next(chunks)
        return chunks

    for _ in range(50):
        begin()
    with bench.database.reading() as connection:
        assert connection.scalar(select(literal(1))) == 1


def test_export_of_nothing_is_its_header(bench: Runtime) -> None:
    chunks = list(csv_chunks(bench.database, devices_export_query()))
    assert b"".join(chunks) == b"udid,device_name,model,os_version,created_at,verified_at\r\n"


@given(st.text())
def test_no_cell_is_a_formula(text: str) -> None:
    cell = _cell(text)
    assert not cell.lstrip(" \"'").startswith(("=", "+", "-", "@", "\t", "\r")) or cell.startswith("'")
    assert cell in (text, f"'{text}")


@pytest.mark.parametrize(("value", "cell"), [(None, ""), ({}, ""), ({"a": "ü"}, '{"a": "ü"}'), (7, 7), (-7, -7)])
def test_other_cells(value: object, cell: object) -> None:
    assert _cell(value) == cell


def test_devices_are_listed_searched_and_exported(bench: Runtime) -> None:
    with bench.database.writing() as connection:
        shop = Shop(connection, bench)
        variant, other = shop.variant(platform="ios"), shop.variant(platform="ios")
        rows = [
            device(1),
            device(2, device_name="100% mine"),
            device(3, apple_registered_at=NOW, created_at="2026-11-09T"),
        ]
        for row in rows:
            connection.execute(insert(devices).values(row))
        for device_id, bound in (("dev_1", variant), ("dev_1", other), ("dev_2", other)):
            binding = {"device_id": device_id, "variant_id": bound, "created_at": NOW}
            connection.execute(insert(device_bindings).values(binding))

    def listed(**wanted: Any) -> list[str]:
        items = bench.database.read_now(list_devices, devices_query(**wanted), Page()).items
        return [item["id"][4:] for item in items]

    assert listed() == ["3", "2", "1"]
    assert listed(q="PHONE 3") == ["3"]
    assert listed(q="100%") == ["2"]
    assert listed(q="0000-0003") == ["3"]
    assert listed(variant_id=variant) == ["1"]
    assert listed(app_id="app_" + other[4:]) == ["2", "1"]
    assert listed(start="2026-11-03") == ["3"]
    assert listed(end="2026-11-02", q="iphone15") == ["2", "1"]
    (newest, *_) = bench.database.read_now(list_devices, devices_query(), Page(limit=1)).items
    assert newest["apple_registered"] is True
    assert "seq" not in newest
    exported = read(bench.database, devices_export_query(devices_query(variant_id=variant)))
    assert [(row["udid"], row["verified_at"]) for row in exported] == [("0000-0001", "")]
