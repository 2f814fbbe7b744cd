"""Events go after a time; what was counted of them stays, and a process that dies on the way costs nothing."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.event import listen, remove

from fenfa.db.tables import events, unsummed_days
from fenfa.runtime import Runtime
from fenfa.services import recounts, retention
from fenfa.services.events import list_events
from fenfa.services.extents import EventFilter
from fenfa.services.inventory import count_everything
from fenfa.services.jobs import list_jobs
from fenfa.services.records import Page
from fenfa.services.runner import Runner
from fenfa.services.statistics import Span, Subject, count_totals, make_report
from fenfa.services.sweeps import GRACE, sweep
from fenfa.services.traffic import record_events
from tests.services.shop import Shop, event
from tests.support.client import Clock

DAYS = ("2026-05-05", "2026-05-06", "2026-05-07", "2026-11-02")  # of the second on, 180 days are over on 2026-11-02


@pytest.fixture
def shop_of_old(bench: Runtime) -> str:
    """The variant to which 1,200 things happened on each of the days."""
    with bench.database.writing() as connection:
        shop = Shop(connection, bench)
        variant = shop.variant()
        mine: dict[str, Any] = {"variant_id": variant, "release_id": shop.release(variant)}
        for day in DAYS:
            record_events(
                connection, [event(ts=f"{day}T{n % 24:02}:00:00.000Z", visitor=str(n), **mine) for n in range(1200)]
            )
    return variant


def told(connection: Connection, variant: str) -> dict[str, Any]:
    """Everything that must not change."""
    span = Span(date(2026, 5, 5), date(2026, 11, 2))
    return {
        "report": make_report(connection, Subject(variant_id=variant), span),
        "totals": count_totals(connection, variant),
    }


def left(connection: Connection) -> dict[str, int]:
    day = func.substr(events.c.ts, 1, 10)
    return dict(iter(connection.execute(select(day, func.count()).group_by(day))))


def listed(connection: Connection) -> set[str]:
    found = list_events(connection, EventFilter(), Page(10_000))
    assert len(found.items) == found.total == count_everything(connection)["events"]
    return {row["ts"][:10] for row in found.items}


def work(bench: Runtime) -> None:
    runner = Runner(bench)
    runner.enqueue_periodic()
    while runner.run_next():
        pass


def test_old_events_go_and_nothing_that_was_counted(bench: Runtime, shop_of_old: str) -> None:
    read = bench.database.read_now
    before = read(told, shop_of_old)
    work(bench)
    assert len(read(left)) == 4  # nobody has given them up
    sweep(bench, GRACE)
    assert read(listed) == set(DAYS[1:])
    work(bench)
    assert read(left) == dict.fromkeys(DAYS[1:], 1200)
    assert read(told, shop_of_old) == before
    (job,) = read(list_jobs, Page(), None, "forget-events").items
    assert (job["state"], job["done"], job["message"]) == ("done", 1200, "1200 events removed")
    work(bench)
    assert read(list_jobs, Page(), None, "forget-events").total == 1


def test_for_ever(bench: Runtime, shop_of_old: str) -> None:
    bench.database.write_now(retention.give_up, bench.clock(), 0)
    work(bench)
    assert bench.database.read_now(listed) == set(DAYS)


def test_what_was_given_up_does_not_come_back(bench: Runtime, clock: Clock, shop_of_old: str) -> None:
    for days in (180, 3000, 0):
        bench.database.write_now(retention.give_up, clock(), days)
        assert bench.database.read_now(listed) == set(DAYS[1:])


def test_a_day_that_is_given_up_is_not_counted_anew(bench: Runtime, clock: Clock, shop_of_old: str) -> None:
    before = bench.database.read_now(told, shop_of_old)
    bench.database.write_now(retention.give_up, clock(), 180)
    assert bench.database.write_now(retention.forget_some) == 1000
    rows = [{"day": day, "due": ""} for day in DAYS]
    bench.database.write_now(lambda connection: connection.execute(insert(unsummed_days), rows))
    assert recounts.recount_due(bench.database, clock()) == 4
    assert bench.database.read_now(told, shop_of_old) == before


def test_removing_that_breaks_anywhere_goes_on(bench: Runtime, clock: Clock, shop_of_old: str) -> None:
    before = bench.database.read_now(told, shop_of_old)
    bench.database.write_now(retention.give_up, clock(), 179)
    breaks = 1
    while breaks_at(bench, breaks):
        breaks += 1
        assert bench.database.read_now(told, shop_of_old) == before
        assert bench.database.read_now(listed) == set(DAYS[2:])
    assert breaks > 3
    assert bench.database.read_now(left) == dict.fromkeys(DAYS[2:], 1200)


def breaks_at(bench: Runtime, number: int) -> bool:
    """The statement of this number fails, as if the process ended with it. False: there were fewer."""
    seen = 0

    def count(*_arguments: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == number:
            raise InterruptedError

    listen(bench.database.engine, "before_cursor_execute", count)
    try:
        while bench.database.write_now(retention.forget_some):
            pass
    except InterruptedError:
        return True
    finally:
        remove(bench.database.engine, "before_cursor_execute", count)
    return False
