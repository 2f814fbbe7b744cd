"""Sums say what counting the events would: whatever happens, whoever writes, and after a day is counted anew."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.event import listen, remove

from fenfa.db.engine import Database
from fenfa.db.tables import day_sums, day_visitors, events, place_sums, unsummed_days
from fenfa.services import recounts
from fenfa.services.agents import read_agent
from fenfa.services.periods import days_of, periods_of
from fenfa.services.records import Record, fetch_all
from fenfa.services.statistics import Span, Subject, count_by_agent, count_by_day, count_by_place
from fenfa.services.tallies import DEVICES, MEASURES, read_agents, take_turn
from fenfa.services.traffic import Event, record_events
from fenfa.vocabulary import EventType
from tests.services.shop import NOW, Shop, event
from tests.support.client import Clock

SPAN = Span(date(2026, 9, 29), date(2026, 12, 2))
AGENTS = (
    "curl/8.5",
    "Mozilla/5.0 (Linux; Android 14) Chrome/120 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 14.1)",
    "",
)
VARIANTS = {"var_1": ("prd_1", "app_1"), "var_2": ("prd_1", "app_2"), "var_3": ("prd_2", "app_3")}
RELEASES = {"rel_1": "var_1", "rel_2": "var_1", "rel_3": "var_2", "rel_4": "var_3"}


@st.composite
def happened(draw: st.DrawFn) -> Event:
    kind = draw(st.sampled_from(EventType))
    release = draw(st.sampled_from([*RELEASES, *([""] if kind != EventType.DOWNLOAD else [])]))
    variant = RELEASES.get(release) or draw(st.sampled_from(sorted(VARIANTS)))
    product, app = VARIANTS[variant]
    return event(
        kind,
        ts=f"2026-{draw(st.sampled_from(('09-30', '10-01', '10-31', '11-01')))}T12:00:00.000Z",
        product_id=product,
        app_id=app,
        variant_id=variant,
        release_id=release,
        ua=draw(st.sampled_from(AGENTS)),
        visitor=draw(st.sampled_from("abc")),
        is_part=kind == EventType.DOWNLOAD and draw(st.booleans()),
    )


def everything(connection: Connection) -> dict[str, Any]:
    """All that sums say, told by the events."""
    rows = fetch_all(connection, select(events))
    days, agents, places = (Counter[tuple[Any, ...]]() for _ in range(3))
    for row in rows:
        agent, measure = read_agent(row["ua"]), MEASURES[row["type"]]
        place = (row["product_id"], row["variant_id"], row["release_id"], row["app_id"])
        for period in (row["ts"][:10], row["ts"][:7]):
            places[(period, *place, measure)] += 1
        for subject in {"", *place[:3]}:
            agents[(subject, row["ts"][:10], agent.system, agent.major, *agent[2:], measure)] += 1
            days[(subject, row["ts"][:10], measure)] += 1
    met = {(s, row["ts"][:10], row["visitor"]) for row in rows if row["type"] == "download" for s in subjects(row)}
    days.update((*key[:2], "unique_devices") for key in met)
    return {"place_sums": places, "day_sums": days, "agents": agents}


def subjects(row: Record) -> set[str]:
    return {"", row["product_id"], row["variant_id"], row["release_id"]}


def stored(connection: Connection) -> dict[str, Any]:
    found = {name: Counter[tuple[Any, ...]]() for name in ("place_sums", "day_sums", "agents")}
    for table in (place_sums, day_sums):
        for row in connection.execute(select(table)).mappings():
            key = tuple(row[column.name] for column in table.primary_key)
            numbers = {name: row[name] for name in (*MEASURES.values(), DEVICES) if name in row}
            found[table.name].update({(*key, name): number for name, number in numbers.items()})
            for agent, counts in read_agents(row.get("agents", [])).items():
                found["agents"].update(
                    {(*key, *agent, name): n for name, n in zip(MEASURES.values(), counts, strict=True)}
                )
    return {name: +numbers for name, numbers in found.items()}  # a zero says the same as no row


ANY_DAY = st.dates(date(2025, 12, 1), date(2026, 4, 3))
FAST = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FAST
@given(batches=st.lists(st.lists(happened(), max_size=8), max_size=4))
def test_sums_are_what_counting_gives(database: Database, batches: list[list[Event]]) -> None:
    with database.writing() as connection:
        for table in (events, place_sums, day_sums, day_visitors):
            connection.execute(delete(table))
        for batch in batches:
            record_events(connection, batch)
        assert stored(connection) == everything(connection)
        for day in ("2026-09-30", "2026-10-31"):
            recounts.recount_day(connection, day)
        assert stored(connection) == everything(connection)


@given(start=ANY_DAY, end=ANY_DAY)
def test_periods_are_the_days_newest_first(start: date, end: date) -> None:
    days = [day for period in periods_of(start, end) for day in days_of(period)]
    assert days == [(end - timedelta(days=n)).isoformat() for n in range((end - start).days + 1)]
    assert len(periods_of(start, end)) <= 60 + 12


def test_reports_of_months_and_days_say_the_same(shop: Shop) -> None:
    stamps = [f"2026-{month:02}-{day:02}T12:00:00.000Z" for month in (9, 10, 11, 12) for day in (1, 15, 28, 30)]
    shop.record(*(event(ts=ts, ua=f"a{n % 3}/1", release_id=f"rel_{n % 2}") for n, ts in enumerate(stamps)))
    read = (shop.connection, Subject(), SPAN)
    counted = [
        sum(row["downloads"] for row in count(*read)) for count in (count_by_day, count_by_agent, count_by_place)
    ]
    assert counted == [10, 10, 10]  # of September the last, of December the first


def test_writers_and_counting_anew_at_once(database: Database) -> None:
    batch = [event(release_id=f"rel_{n % 3}", product_id="prd_1", visitor=str(n % 5)) for n in range(30)]
    with ThreadPoolExecutor(4) as pool:
        for number in range(24):
            pool.submit(database.write_now, record_events, batch if number % 2 else batch[::-1])
            pool.submit(database.write_now, counted_anew)
    with database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(events)) == 24 * 30
        assert stored(connection) == everything(connection)


def counted_anew(connection: Connection) -> None:
    take_turn(connection)
    recounts.recount_day(connection, NOW[:10])


def unsummed(database: Database, *days: str) -> None:
    rows = [{"day": day, "due": ""} for day in days]
    database.write_now(lambda connection: connection.execute(insert(unsummed_days), rows))


def write_unsummed(database: Database, *written: Event) -> None:
    """As a server of an earlier version does."""
    rows = [{name: getattr(one, name) for name in Event._fields[:-1]} for one in written]
    database.write_now(lambda connection: connection.execute(insert(events), rows))


def test_a_day_that_goes_on_is_counted_on(database: Database, clock: Clock) -> None:
    mine: dict[str, Any] = {"release_id": "rel_1", "product_id": "prd_1"}
    write_unsummed(database, event(visitor="early", **mine), event(EventType.VISIT, **mine))
    unsummed(database, NOW[:10])
    assert recounts.recount_due(database, clock()) == 1
    assert recounts.recount_due(database, clock()) == 0
    part = event(visitor="early", is_part=True, **mine)
    database.write_now(record_events, [event(visitor="early", **mine), part, event(visitor="late", **mine)])
    with database.reading() as connection:
        assert stored(connection) == everything(connection)
        assert connection.scalar(select(func.count()).select_from(events)) == 4


def test_counting_anew_that_ends_early_goes_on_the_next_time(database: Database, clock: Clock) -> None:
    days = [f"2026-10-{day}" for day in (10, 11, 12)]
    write_unsummed(database, *(event(ts=f"{day}T10:00:00.000Z", release_id="rel_1") for day in days))
    unsummed(database, *days)
    attempts = 0
    while recounts_failing(database, clock, after=attempts + 1):
        attempts += 1
        with database.reading() as connection:
            done = {day for subject, day, _ in stored(connection)["day_sums"] if not subject}
            left = set(connection.scalars(select(unsummed_days.c.day)))
        assert done | left == set(days)
        assert not done & left
    assert attempts > 10
    with database.reading() as connection:
        assert stored(connection) == everything(connection)


def recounts_failing(database: Database, clock: Clock, after: int) -> bool:
    """Whether it ended early: the statement of this number fails."""
    seen = 0

    def count(*_arguments: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == after:
            raise InterruptedError

    listen(database.engine, "before_cursor_execute", count)
    try:
        recounts.recount_due(database, clock())
    except InterruptedError:
        return True
    finally:
        remove(database.engine, "before_cursor_execute", count)
    return False


def test_programs_that_are_made_up_are_no_end(shop: Shop) -> None:
    shop.record(*(event(ua=f"a{n}/1") for n in range(150)), event(EventType.VISIT, ua="curl/8"))
    shop.record(*(event(ua=f"b{n}/1") for n in range(150)), event(EventType.VISIT, ua="curl/8"))
    counted = {row["program"]: row for row in count_by_agent(shop.connection, Subject(), SPAN)}
    assert len(counted) == 201
    assert counted["curl"]["visits"] == 2
    assert counted[""]["downloads"] == 101
    assert sum(row["downloads"] for row in counted.values()) == 300


def test_visitors_of_days_that_are_over_are_forgotten(database: Database, clock: Clock) -> None:
    database.write_now(record_events, [event(release_id="rel_1"), event(EventType.VISIT, visitor="other")])
    count = select(func.count()).select_from(day_visitors)
    for days, left in ((0, 2), (1, 2), (1, 0)):
        clock.move(days=days)
        database.write_now(recounts.forget_visitors, clock())
        assert database.read_now(lambda connection: connection.scalar(count)) == left
