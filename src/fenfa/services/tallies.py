"""Sums of events, kept in the transaction that writes the events: reports read these, however many events there are.

Every event counts at its place (the release, its variant, its product) and, beside that, for its subjects: each of the three,
and everything, whose name is the empty text.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from operator import add
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select, tuple_

from fenfa.db.tables import day_sums, day_visitors, place_sums
from fenfa.db.upserts import add_up, insert_new, upsert
from fenfa.services.agents import read_agent
from fenfa.vocabulary import EventType

MEASURES = {EventType.DOWNLOAD: "downloads", EventType.VISIT: "visits", EventType.CLICK: "clicks"}
DEVICES = "unique_devices"
_ORDER = tuple(MEASURES)
_MOST_AGENTS = 200
_LOCK = 0x46454E4642  # the advisory lock of those that write sums
_BATCH = 400

DayKey = tuple[str, str]
"""A subject and a day."""
PlaceKey = tuple[str, str, str, str, str]
"""A period and the IDs of product, variant, release and application."""
AgentKey = tuple[str, str, str, bool, bool]
"""`system, version, program, in_app, is_installer`; of the version the major number, which is all that reports tell."""

Counts = list[int]
"""How often, in the order of `MEASURES`."""

UNTOLD: AgentKey = ("", "", "", False, False)


def _nothing() -> Counts:
    return [0] * len(MEASURES)


class Happening(NamedTuple):
    """All that two events have in common which are counted as the same. `day` is a date, `2026-01-02`."""

    day: str
    type: EventType
    product_id: str
    variant_id: str
    release_id: str
    app_id: str
    ua: str

    @property
    def subjects(self) -> set[str]:
        return {"", self.product_id, self.variant_id, self.release_id}

    @property
    def place(self) -> PlaceKey:
        return (self.day, self.product_id, self.variant_id, self.release_id, self.app_id)


@dataclass
class DaySum:
    """What happened to a subject on a day: how often by measure, how many devices downloaded, and who it was."""

    counts: Counts = field(default_factory=_nothing)
    devices: int = 0
    agents: dict[AgentKey, Counts] = field(default_factory=dict)

    def add(self, agent: AgentKey, measure: int, number: int) -> None:
        """Whoever invents a program for every request is told apart no further than the first two hundred of them."""
        if agent not in self.agents:
            agent = agent if len(self.agents) < _MOST_AGENTS else UNTOLD
            self.agents.setdefault(agent, _nothing())
        self.agents[agent][measure] += number
        self.counts[measure] += number


Places = dict[PlaceKey, Counts]
Days = dict[DayKey, DaySum]


def take_turn(connection: Connection) -> None:
    """From here to the end of the transaction nobody else writes events and sums. SQLite has one writer anyhow."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def tally(connection: Connection, happened: Mapping[Happening, int], devices: Mapping[DayKey, int]) -> None:
    """Adds how often each happened, and the new devices. After `take_turn`, in the transaction that writes the events."""
    places, days = sums_of(happened)
    for key, number in devices.items():
        days[key].devices += number
    add_places(connection, places)
    for keys in _batches(days):
        known = _stored(connection, keys)
        for key in keys:
            _merge(known[key], days[key])
        put_days(connection, known)


def meet_visitors(connection: Connection, downloads: Iterable[tuple[Happening, str]]) -> Counter[DayKey]:
    """Notes who (the visitor) downloaded; gives how many of them are new."""
    met = {(one.day, subject, visitor) for one, visitor in downloads for subject in one.subjects}
    rows = [dict(zip(("day", "subject", "visitor"), each, strict=True)) for each in met]
    return Counter((row.subject, row.day) for row in insert_new(connection, day_visitors, rows, "subject", "day"))


def sums_of(happened: Mapping[Happening, int]) -> tuple[Places, Days]:
    """Of days alone, not yet of months."""
    places: Places = defaultdict(_nothing)
    days: Days = defaultdict(DaySum)
    for one, number in happened.items():
        agent, measure = read_agent(one.ua), _ORDER.index(one.type)
        key = (agent.system, agent.major, agent.program, agent.in_app, agent.is_installer)
        places[one.place][measure] += number
        for subject in one.subjects:
            days[subject, one.day].add(key, measure, number)
    return places, days


def add_places(connection: Connection, places: Places) -> None:
    """What is added to a day is added to its month too. Numbers may be negative."""
    sums: Places = defaultdict(_nothing, places)
    for (day, *ids), counts in places.items():
        month = sums[day[:7], ids[0], ids[1], ids[2], ids[3]]
        month[:] = map(add, month, counts)
    names = place_sums.c.keys()
    add_up(connection, place_sums, [dict(zip(names, (*key, *counts), strict=True)) for key, counts in sums.items()])


def put_days(connection: Connection, days: Mapping[DayKey, DaySum]) -> None:
    names = day_sums.c.keys()
    rows = [
        (*key, *one.counts, one.devices, [[*agent, *counts] for agent, counts in one.agents.items()])
        for key, one in days.items()
    ]
    upsert(connection, day_sums, [dict(zip(names, row, strict=True)) for row in rows], key=("subject", "day"))


def read_agents(listed: list[list[Any]]) -> dict[AgentKey, Counts]:
    """`day_sums.agents`: who, and how often."""
    return {(one[0], one[1], one[2], one[3], one[4]): one[len(UNTOLD) :] for one in listed}


def add_agents(days: Iterable[list[list[Any]]]) -> dict[AgentKey, Counts]:
    """The sums over several `day_sums.agents`. Of a year there are many thousands: written out, it takes a third of the time."""
    sums: dict[AgentKey, Counts] = {}
    for system, version, program, in_app, is_installer, downloads, visits, clicks in chain.from_iterable(days):
        agent = (system, version, program, in_app, is_installer)
        known = sums.get(agent)
        if known is None:
            known = sums[agent] = _nothing()
        known[0] += downloads
        known[1] += visits
        known[2] += clicks
    return sums


def _stored(connection: Connection, keys: list[DayKey]) -> Days:
    days: Days = defaultdict(DaySum)
    query = select(day_sums).where(tuple_(day_sums.c.subject, day_sums.c.day).in_(keys))
    for subject, day, *counts, devices, agents in connection.execute(query):
        days[subject, day] = DaySum(counts, devices, read_agents(agents))
    return days


def _merge(known: DaySum, added: DaySum) -> None:
    for agent, counts in added.agents.items():
        for measure, number in enumerate(counts):
            known.add(agent, measure, number)
    known.devices += added.devices


def _batches(days: Days) -> Iterator[list[DayKey]]:
    keys = list(days)
    return (keys[start : start + _BATCH] for start in range(0, len(keys), _BATCH))
