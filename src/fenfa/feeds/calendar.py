"""A calendar of days on which something ends: all-day events, with a reminder two weeks and three days before.

Source: RFC 5545 (iCalendar).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

_LONGEST_LINE = 75  # octets
_ESCAPED = {"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n"}
_CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f]")
_REMINDERS = ("-P14D", "-P3D")


@dataclass(frozen=True)
class Deadline:
    """`uid` names it in every calendar for good; `made_at` is when we looked; `url` leads to where something can be done."""

    uid: str
    day: date
    title: str
    note: str
    url: str
    made_at: datetime


def write_calendar(deadlines: list[Deadline]) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Fenfa//Expiring//EN", "X-WR-CALNAME:Fenfa"]
    lines += ["REFRESH-INTERVAL;VALUE=DURATION:P1D", "X-PUBLISHED-TTL:P1D"]
    for deadline in deadlines:
        lines += _event(deadline)
    return b"".join(part + b"\r\n" for line in [*lines, "END:VCALENDAR"] for part in _folded(line))


def _event(deadline: Deadline) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{_text(deadline.uid)}"
    yield f"DTSTAMP:{deadline.made_at:%Y%m%dT%H%M%SZ}"
    yield f"DTSTART;VALUE=DATE:{deadline.day:%Y%m%d}"
    yield f"DTEND;VALUE=DATE:{deadline.day + timedelta(days=1):%Y%m%d}"
    yield f"SUMMARY:{_text(deadline.title)}"
    yield f"DESCRIPTION:{_text(deadline.note)}"
    yield f"URL:{''.join(deadline.url.split())}"
    yield "TRANSP:TRANSPARENT"
    for before in _REMINDERS:
        yield from ("BEGIN:VALARM", "ACTION:DISPLAY", f"TRIGGER:{before}")
        yield from (f"DESCRIPTION:{_text(deadline.title)}", "END:VALARM")
    yield "END:VEVENT"


def _text(text: str) -> str:
    plain = _CONTROLS.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(_ESCAPED.get(char, char) for char in plain)


def _folded(line: str) -> Iterator[bytes]:
    """Lines of at most 75 octets, each but the first with a blank before it, no letter in two."""
    part = b""
    for char in line:
        octets = char.encode("utf-8", errors="replace")
        if len(part) + len(octets) > _LONGEST_LINE:
            yield part
            part = b" "
        part += octets
    yield part
