"""Days and months: what sums are kept by, and how a span of days is put together from few of them."""

from collections.abc import Iterator
from datetime import date, timedelta

_DAY = timedelta(days=1)


def periods_of(start: date, end: date) -> list[str]:
    """The whole months between the two days (both inclusive), and the days that are left at either end; newest first."""
    periods, day = [], end
    while day >= start:
        first = day.replace(day=1)
        if first >= start and (day + _DAY).day == 1:
            periods.append(f"{first:%Y-%m}")
            day = first - _DAY
        else:
            periods.append(day.isoformat())
            day -= _DAY
    return periods


def days_of(period: str) -> Iterator[str]:
    """The days of a month, newest first; of a day, the day itself."""
    start = date.fromisoformat(period if len(period) > 7 else f"{period}-01")
    end = start if len(period) > 7 else last_day(start)
    return ((end - timedelta(days=n)).isoformat() for n in range((end - start).days + 1))


def last_day(day: date) -> date:
    """Of the day's month."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - _DAY
