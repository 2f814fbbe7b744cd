"""Bar charts, drawn on the server: numbers become places in percent, which templates/partials/charts.html puts into SVG.

Every place is a share of the drawing, so that one picture fits every screen and its texts keep their size. What a bar is worth
shows on hover and focus, by the style sheet alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from fenfa.services.records import Record
from fenfa.services.statistics import sum_days
from fenfa.web.i18n import Language, readable_days, short_day

_STEPS = (1, 7, 28)
_MOST_BARS = 92  # a phone still shows a gap between so many
_MOST_MARKS = 5
_FILLED = 0.72  # of its slot; the rest is the gap


@dataclass(frozen=True)
class Stretch:
    """Some days in a row, the sums of what happened in them, and the sums of as many days of the time before."""

    start: date
    end: date
    sums: Record
    before: Record


@dataclass(frozen=True)
class Bar:
    """What one stretch is worth. Its slot is where it is pointed at; `anchor` is the end by which its text hangs there."""

    days: str
    value: int
    before: int
    slot_x: float
    slot_width: float
    x: float
    width: float
    middle: float
    height: float
    before_height: float
    anchor: str


@dataclass(frozen=True)
class Mark:
    """A day below the bars."""

    x: float
    anchor: str
    text: str


@dataclass(frozen=True)
class Chart:
    """`top` is what the full height is worth; `is_empty`: there is nothing to draw."""

    bars: list[Bar]
    marks: list[Mark]
    top: int
    is_empty: bool


def stretches(days: list[Record], before: list[Record]) -> list[Stretch]:
    """The days as they are, or by seven or 28 where they are too many for one chart; the newest stretch is always whole."""
    step = next((step for step in _STEPS if len(days) <= step * _MOST_BARS), _STEPS[-1])
    pieces = [slice(max(0, end - step), end) for end in range(len(days), 0, -step)]
    return [_stretch(days[piece], before[piece]) for piece in reversed(pieces)]


def draw_chart(parts: list[Stretch], measure: str, language: Language) -> Chart:
    """One bar for each stretch, as high as its sum of the measure."""
    most = max((max(part.sums[measure], part.before[measure]) for part in parts), default=0)
    top, slot = nice_top(most), 100 / max(1, len(parts))
    bars = [_bar(part, measure, top, slot, number, language) for number, part in enumerate(parts)]
    return Chart(bars, list(_marks(parts, bars, language)), top, most == 0)


def nice_top(most: int) -> int:
    """The least of 2, 4, 6, 8, 10, 20, 40 … that is not below `most`: its half is a whole number too."""
    power = 1
    while power * 10 < most:
        power *= 10
    return next(digit * power for digit in (2, 4, 6, 8, 10) if digit * power >= most)


def share_of(value: int, most: int) -> float:
    """In percent."""
    return round(100 * value / most, 2) if most else 0.0


def _stretch(days: list[Record], before: list[Record]) -> Stretch:
    first, last = (date.fromisoformat(day["date"]) for day in (days[0], days[-1]))
    return Stretch(first, last, sum_days(days), sum_days(before))


def _bar(part: Stretch, measure: str, top: int, slot: float, number: int, language: Language) -> Bar:
    left, middle = slot * number, slot * (number + 0.5)
    return Bar(
        days=readable_days(part.start, part.end, language),
        value=part.sums[measure],
        before=part.before[measure],
        slot_x=round(left, 3),
        slot_width=round(slot, 3),
        x=round(left + slot * (1 - _FILLED) / 2, 3),
        width=round(slot * _FILLED, 3),
        middle=round(middle, 3),
        height=share_of(part.sums[measure], top),
        before_height=share_of(part.before[measure], top),
        anchor="start" if middle < 25 else "end" if middle > 75 else "middle",
    )


def _marks(parts: list[Stretch], bars: list[Bar], language: Language) -> Iterator[Mark]:
    """A few days in even distances, the first and the last among them."""
    last = len(bars) - 1
    count = min(len(bars), _MOST_MARKS)
    is_long = (parts[-1].end - parts[0].start).days > 300 if parts else False
    for n in range(count):
        place = round(n * last / max(1, count - 1))
        is_edge = len(bars) > _MOST_MARKS
        anchor = "start" if is_edge and n == 0 else "end" if is_edge and n == count - 1 else "middle"
        x = {"start": 0.0, "end": 100.0, "middle": bars[place].middle}[anchor]
        yield Mark(x, anchor, short_day(parts[place].start, language, with_year=is_long))
