"""The calendar, read back by rules of our own: unfolded, unescaped, and every line within its 75 octets."""

import re
from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from fenfa.feeds.calendar import Deadline, write_calendar

MADE = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
TODAY = date(2026, 11, 2)
TEXT = st.text(st.characters(codec="utf-8"), max_size=200)


def deadline(title: str = "Profile ends", note: str = "", uid: str = "profile-1@x", day: date = TODAY) -> Deadline:
    return Deadline(uid, day, title, note, "https://get.example.com/admin", MADE)


def events(data: bytes) -> list[dict[str, str]]:
    """Name (with its parameters) → value of the lines of each event, reminders apart."""
    assert data.endswith(b"END:VCALENDAR\r\n")
    lines = data.decode().replace("\r\n ", "").split("\r\n")[:-1]
    found: list[dict[str, str]] = []
    alarm = False
    for line in lines:
        alarm = line == "BEGIN:VALARM" or (alarm and line != "END:VALARM")
        if line == "BEGIN:VEVENT":
            found.append({})
        elif found and not alarm:
            name, _, value = line.partition(":")
            found[-1].setdefault(name, unescaped(value))
    return found


def unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: "\n" if match[1] == "n" else match[1], text)


def test_an_event() -> None:
    data = write_calendar([deadline("Profile “A” ends; soon, really", "Line 1\nLine \\2", day=date(2026, 12, 31))])
    assert data.startswith(b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Fenfa//Expiring//EN\r\n")
    (event,) = events(data)
    assert event["UID"] == "profile-1@x"
    assert (event["DTSTART;VALUE=DATE"], event["DTEND;VALUE=DATE"]) == ("20261231", "20270101")
    assert event["DTSTAMP"] == "20261102T093000Z"
    assert (event["SUMMARY"], event["DESCRIPTION"]) == ("Profile “A” ends; soon, really", "Line 1\nLine \\2")
    assert event["URL"] == "https://get.example.com/admin"
    assert [line for line in data.split(b"\r\n") if line.startswith(b"TRIGGER")] == [b"TRIGGER:-P14D", b"TRIGGER:-P3D"]


def test_nothing_ends() -> None:
    assert events(write_calendar([])) == []


@given(st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=3))
def test_texts_of_any_kind_come_through(texts: list[tuple[str, str, str]]) -> None:
    data = write_calendar([deadline(title, note, uid) for title, note, uid in texts])
    assert all(len(line) <= 75 for line in data.split(b"\r\n"))
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", data)
    found = [(event["SUMMARY"], event["DESCRIPTION"], event["UID"]) for event in events(data)]
    assert found == [tuple(map(plain, text)) for text in texts]


def plain(text: str) -> str:
    """As a calendar can hold it: line breaks are one kind, other controls are blanks."""
    return re.sub("[\x00-\x09\x0b-\x1f\x7f]", " ", re.sub("\r\n?", "\n", text))
