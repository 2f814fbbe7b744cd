"""Millions of events in a database of Fenfa's, by statements that SQLite and PostgreSQL both run, spread over days as people are:
most of them want what is new, and few kinds of devices make up most of them."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg


@dataclass(frozen=True)
class Engine:
    """`run` runs one statement and commits. `json` makes JSON of a text."""

    run: Callable[[str], Any]
    close: Callable[[], None]
    json: str = "{}"


DAYS = 400
_BATCH = 500_000
_INDEXES = (("type", "ts", "seq"), ("variant_id", "type", "ts", "seq"), ("release_id", "type", "ts", "seq"))
_EXTRA = """'{"from":"qr"}'"""
_IOS = "Mozilla/5.0 (iPhone; CPU iPhone OS {major}_{minor} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
_AGENTS = (
    *(_IOS + "Version/{major}.{minor} Mobile/15E148 Safari/604.1", _IOS + "Mobile/15E148 MicroMessenger/8.0.{minor}"),
    "Mozilla/5.0 (Linux; Android {major}; K-{minor}) AppleWebKit/537.36 Chrome/14{minor}.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android {major}; wv) AppleWebKit/537.36 Version/4.0 Chrome/14{minor}.0 MicroMessenger/8",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/1{major}{minor}.0 Safari/537.36",
    "com.apple.appstored/1.0 iOS/{major}.{minor} model/iPhone14,5 build/21E236",
    "curl/8.{major}.{minor}",
)


@dataclass(frozen=True)
class Place:
    """A release, the oldest first; without one, visits to its variant."""

    product_id: str
    app_id: str
    variant_id: str
    release_id: str


def fill(engine: Engine, places: list[Place], count: int) -> None:
    """Events up to now. The indexes are made afterwards, which takes a fraction of the time."""
    run = engine.run
    _make_lists(run, places)
    for columns in _INDEXES:
        run(f"DROP INDEX ix_events_{'_'.join(columns)}")
    for start in range(0, count, _BATCH):
        run(_insert(start, min(start + _BATCH, count), count, len(places), engine.json))
    for columns in _INDEXES:
        run(f"CREATE INDEX ix_events_{'_'.join(columns)} ON events ({', '.join(columns)})")
    run("DELETE FROM unsummed_days")
    run("INSERT INTO unsummed_days (day, due) SELECT day, '' FROM bench_days")
    run("ANALYZE")


def _make_lists(run: Callable[[str], Any], places: list[Place]) -> None:
    agents = [
        text.format(major=major, minor=minor) for minor in range(6) for major in range(12, 19) for text in _AGENTS
    ]
    today = datetime.now(UTC).date()
    days = [str(today - timedelta(days=DAYS - 1 - number)) for number in range(DAYS)]
    _make_list(run, "bench_agents", "ua", [(agent,) for agent in agents])
    _make_list(run, "bench_days", "day", [(day,) for day in days])
    columns = "product_id, app_id, variant_id, release_id"
    _make_list(run, "bench_places", columns, [(p.product_id, p.app_id, p.variant_id, p.release_id) for p in places])


def _make_list(run: Callable[[str], Any], name: str, columns: str, rows: list[tuple[str, ...]]) -> None:
    typed = ", ".join(f"{column} TEXT" for column in columns.split(", "))
    values = ", ".join(f"({number}, {', '.join(map(repr, row))})" for number, row in enumerate(rows))
    run(f"CREATE TABLE {name} (n INTEGER PRIMARY KEY, {typed})")
    run(f"INSERT INTO {name} VALUES {values}")


def _insert(start: int, end: int, count: int, places: int, json: str) -> str:
    """Events from one number to before another, of `count` in all. The numbers `a` to `d` are what is random in them, 0 to 32767:
    the high bits of what n becomes when it is multiplied."""
    agents = len(_AGENTS) * 42
    there = f"(1 + n * {DAYS} / {count} * {places - 1} / {DAYS})"  # how many releases there are by then
    return f"""
        INSERT INTO events (ts, type, product_id, app_id, variant_id, release_id, ip, ua, visitor, extra)
        WITH RECURSIVE numbers (n) AS (
            SELECT CAST({start} AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {end}
        ), mixed AS (
            SELECT n, (n * 2654435761 % 4294967296) / 131072 AS a, (n * 1103515245 % 2147483648) / 65536 AS b,
                (n * 69069069 % 4294967296) / 131072 AS c, (n * 22695477 % 4294967296) / 131072 AS d
            FROM numbers
        ), picked AS (
            SELECT n, c, d, CASE WHEN a < 18000 THEN 'visit' WHEN a < 22000 THEN 'click' ELSE 'download' END AS type,
                {there} - 1 - {there} * (b * b / 32768 * b / 32768) / 32768 AS place,
                c * c / 32768 * {agents} / 32768 AS agent, n * {DAYS} / {count} AS day,
                n * {DAYS} % {count} * 86400 / {count} AS second
            FROM mixed
        )
        SELECT bench_days.day || 'T' || substr(CAST(100 + second / 3600 AS TEXT), 2) || ':'
                || substr(CAST(100 + second / 60 % 60 AS TEXT), 2) || ':' || substr(CAST(100 + second % 60 AS TEXT), 2)
                || '.' || substr(CAST(1000 + picked.n % 1000 AS TEXT), 2) || 'Z',
            picked.type, product_id, app_id, variant_id,
            CASE WHEN picked.type = 'visit' AND d % 8 = 0 THEN '' ELSE release_id END,
            '203.0.' || CAST(d % 256 AS TEXT) || '.0', ua,
            'visitor-----' || CAST(100000000000 + picked.day * 100000 + (c * 31 + d) % 8000 AS TEXT),
            {json.format("CASE WHEN d % 10 = 0 THEN " + _EXTRA + " ELSE '{}' END")}
        FROM picked JOIN bench_days ON bench_days.n = picked.day JOIN bench_places ON bench_places.n = picked.place
            JOIN bench_agents ON bench_agents.n = picked.agent
    """


def on_sqlite(file: Path) -> Engine:
    connection = sqlite3.connect(file, isolation_level=None)
    for pragma in ("synchronous=OFF", "temp_store=MEMORY", "cache_size=-500000", "threads=2"):
        connection.execute(f"PRAGMA {pragma}")
    return Engine(connection.execute, connection.close)


def on_postgresql(url: str) -> Engine:
    connection = psycopg.connect(url, autocommit=True)
    connection.execute("SET maintenance_work_mem = '500MB'")
    return Engine(lambda statement: connection.execute(statement.encode()), connection.close, "CAST({} AS json)")
