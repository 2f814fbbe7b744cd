"""Slots: how many devices of each family a team may still register in its membership year.

Apple counts every device on the team's list, also those that were disabled, and clears the list once a year at most. So the used
ones are those of Apple's list when it was last read, and those that were added since.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import Connection, func, select

from fenfa.apple.devices import FAMILIES, SLOTS, AppleDevice
from fenfa.db.tables import apple_registrations
from fenfa.services.apple_teams import get_team, health_of, note_health
from fenfa.services.records import Record

CONFIRM_BELOW = 10
"""An admin who would leave fewer slots than this is asked first."""


def note_listing(connection: Connection, now: str, team_id: str, devices: Iterable[AppleDevice]) -> None:
    """Remembers what slots are counted from. `devices`: the whole of Apple's list."""
    known = list(devices)
    counts = Counter((device.device_class, device.added_date[:10]) for device in known)
    listed = {
        "newest": max((device.added_date for device in known), default=""),
        "counts": [[family, day, number] for (family, day), number in sorted(counts.items())],
    }
    note_health(connection, team_id, {"listed_at": now, "listed": listed})


def count_slots(connection: Connection, team_id: str, today: date) -> list[Record]:
    """One record a family that has devices, and always the iPhone: `{family, name, used, left, added_this_year}`. Empty
    until Apple's list was read once; `added_this_year` None while the end of the membership year is not known."""
    health = health_of(connection, team_id)
    if not health["listed_at"]:
        return []
    days = _days(connection, team_id, health["listed"])
    started = year_start(get_team(connection, team_id)["membership_ends"], today)
    return [_slots(family, days, started) for family in sorted({"IPHONE", *(family for family, _ in days)})]


def year_start(ends: str, today: date) -> str:
    """The first day of the current membership year, from any day on which one ends; empty for none."""
    if not ends:
        return ""
    end = date.fromisoformat(ends)
    this_year = _in_year(end, today.year)
    return (this_year if this_year <= today else _in_year(end, today.year - 1)).isoformat()


def year_end(ends: str, today: date) -> str:
    """The day on which the current membership year ends; empty for none."""
    started = year_start(ends, today)
    return _in_year(date.fromisoformat(ends), int(started[:4]) + 1).isoformat() if started else ""


def _days(connection: Connection, team_id: str, listed: dict[str, Any]) -> Counter[tuple[str, str]]:
    """How many devices of a family were added on a day."""
    days = Counter({(family, day): number for family, day, number in listed["counts"]})
    newer = (apple_registrations.c.team_id == team_id, apple_registrations.c.added_at > listed["newest"])
    day = func.substr(apple_registrations.c.added_at, 1, 10)
    query = select(apple_registrations.c.family, day, func.count()).where(*newer)
    for family, added, number in connection.execute(query.group_by(apple_registrations.c.family, day)):
        days[family, added] += number
    return days


def _slots(family: str, days: Counter[tuple[str, str]], started: str) -> Record:
    used = sum(number for (own, _), number in days.items() if own == family)
    added = sum(number for (own, day), number in days.items() if own == family and day >= started)
    return {
        "family": family,
        "name": FAMILIES.get(family, family),
        "used": used,
        "left": max(0, SLOTS - used),
        "added_this_year": added if started else None,
    }


def _in_year(day: date, year: int) -> date:
    try:
        return day.replace(year=year)
    except ValueError:  # the 29th of February
        return day.replace(year=year, day=28)
