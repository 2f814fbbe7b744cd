"""Lists of events, whatever is asked for: the right ones, in their order, each once, and found by an index."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, event, text

from fenfa.db.tables import events
from fenfa.errors import BadInput
from fenfa.runtime import Runtime
from fenfa.services.events import list_events, read_log
from fenfa.services.exports import event_chunks
from fenfa.services.extents import EventFilter
from fenfa.services.records import Page, Record
from fenfa.services.traffic import record_events
from fenfa.vocabulary import EventType
from tests.services.shop import Shop
from tests.services.shop import event as happened

DAYS = ("2026-08-31", "2026-09-01", "2026-09-30", "2026-10-15", "2026-10-16")
FILTERS = st.builds(
    EventFilter,
    type=st.none() | st.sampled_from([str(kind) for kind in EventType]),
    product_id=st.sampled_from([None, None, "prd_1", "prd_2"]),
    app_id=st.sampled_from([None, None, "app_1"]),
    variant_id=st.sampled_from([None, None, "var_1", "var_2"]),
    release_id=st.sampled_from([None, None, "rel_1", "rel_2"]),
    platform=st.sampled_from([None, None, "ios", "linux", "windows"]),
    start=st.none() | st.sampled_from(DAYS),
    end=st.none() | st.sampled_from(DAYS),
)


@pytest.fixture
def busy(shop: Shop) -> tuple[Shop, list[Record]]:
    """Two hundred events out of order, of two products, three variants of two platforms and one that is gone; as rows."""
    phone, desktop = shop.variant(platform="ios"), shop.variant()
    rename = "UPDATE variants SET id = :new WHERE id = :old"
    for new, old in (("var_1", phone), ("var_2", desktop)):
        shop.connection.execute(text(rename), {"new": new, "old": old})
    made = []
    for n in range(200):
        variant = n * 7 % 3 + 1
        ids = {"product_id": f"prd_{n % 2 + 1}", "app_id": f"app_{variant}", "variant_id": f"var_{variant}"}
        ts = f"{DAYS[n * 11 % 5]}T{n % 4 + 10}:00:00.000Z"
        kind = list(EventType)[n % 3 if n % 5 else 0]
        made.append(happened(kind, ts=ts, ua=str(n), release_id=f"rel_{n % 4}" if n % 4 else "", **ids))
    shop.record(*made)
    rows = [one._asdict() | {"seq": n} for n, one in enumerate(made)]
    return shop, sorted(rows, key=lambda row: (row["ts"], row["seq"]), reverse=True)


def fits(row: Record, wanted: EventFilter) -> bool:
    platform = {"var_1": "ios", "var_2": "linux"}.get(row["variant_id"])
    day, ids = row["ts"][:10], wanted.ids
    return (
        all(row[name] == value for name, value in ids.items())
        and wanted.type in (None, row["type"])
        and wanted.platform in (None, platform)
        and (wanted.start or "") <= day <= (wanted.end or "~")
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=FILTERS, limit=st.integers(0, 60), offset=st.integers(0, 210))
def test_list_is_what_looking_at_all_of_them_gives(
    busy: tuple[Shop, list[Record]], wanted: EventFilter, limit: int, offset: int
) -> None:
    shop, rows = busy
    expected = [row["ua"] for row in rows if fits(row, wanted)]
    listed = list_events(shop.connection, wanted, Page(limit, offset))
    assert listed.total == len(expected)
    assert [row["ua"] for row in listed.items] == expected[offset : offset + limit]


def pages(connection: Connection, wanted: EventFilter, limit: int) -> Iterator[list[Record]]:
    mark = ""
    while page := list_events(connection, wanted, Page(limit), mark).items:
        yield page
        mark = page[-1]["mark"]


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=FILTERS, limit=st.integers(7, 60))
def test_every_event_comes_once_while_new_ones_come(
    busy: tuple[Shop, list[Record]], wanted: EventFilter, limit: int
) -> None:
    shop, rows = busy
    expected, seen = [row["ua"] for row in rows if fits(row, wanted)], list[str]()
    with shop.connection.begin_nested() as meanwhile:
        for page in pages(shop.connection, wanted, limit):
            seen.extend(row["ua"] for row in page)
            newest = happened(ts="2026-10-16T23:00:00.000Z", variant_id="var_1", product_id="prd_1", ua="new")
            shop.record(newest, newest)
        meanwhile.rollback()
    assert seen == expected


def test_a_mark_goes_with_no_offset(shop: Shop) -> None:
    with pytest.raises(BadInput, match="do not go together"):
        list_events(shop.connection, EventFilter(), Page(offset=1), "2026-10-16T23:00:00.000Z_1")


def test_an_export_reads_on_where_it_stopped_and_holds_nothing_meanwhile(bench: Runtime) -> None:
    old = [happened(EventType.VISIT, ua=f"ua{n}") for n in range(2500)]
    bench.database.write_now(record_events, old)
    chunks = event_chunks(bench.database, EventFilter())
    begun = b"".join(islice(chunks, 2))
    assert begun.count(b"\n") == 1001
    bench.database.write_now(record_events, [happened(EventType.VISIT, ua="new")])
    bench.database.write_now(lambda connection: connection.execute(delete(events).where(events.c.ua == "ua3")))
    lines = (begun + b"".join(chunks)).decode().splitlines()[1:]
    assert [line.split(",")[6] for line in lines] == [f"ua{n}" for n in reversed(range(2500)) if n != 3]


ASKED: dict[str, dict[str, str]] = {
    "everything": {},
    "type": {"type": "click"},
    "product": {"product_id": "prd_1"},
    "application": {"app_id": "app_1"},
    "variant": {"variant_id": "var_1", "type": "visit"},
    "release": {"release_id": "rel_1"},
    "platform": {"platform": "ios"},
    "days": {"start": "2026-09-01", "end": "2026-09-30"},
    "all of it": {"product_id": "prd_2", "variant_id": "var_1", "release_id": "rel_1", "platform": "ios"},
}


@pytest.mark.parametrize("asked", ASKED)
def test_no_list_looks_at_every_event(busy: tuple[Shop, list[Record]], asked: str) -> None:
    """As the engine tells it, for a table of which it believes that it is large."""
    shop, _ = busy
    connection, wanted = shop.connection, EventFilter(**ASKED[asked])
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL enable_seqscan = off"))
    statements = spy(connection)
    list_events(connection, wanted, Page(50, 3))
    read_log(connection, wanted, 50, "2026-10-16T23:00:00.000Z_100")
    for statement, values in list(statements):
        plan = explain(connection, statement, values)
        assert "SCAN events" not in plan, plan
        assert "Seq Scan on events" not in plan, plan
    assert len(statements) > 2


def spy(connection: Connection) -> list[tuple[str, Any]]:
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_others: Any) -> None:
        if "events" in statement and statement.startswith("SELECT"):
            seen.append((statement, values))

    event.listen(connection, "before_cursor_execute", note)
    return seen


def explain(connection: Connection, statement: str, values: Any) -> str:
    word = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
    return "\n".join(str(row[-1]) for row in connection.exec_driver_sql(f"{word} {statement}", values))
