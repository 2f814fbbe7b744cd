"""Charts: numbers become places in percent."""

import itertools
from datetime import date, timedelta
from typing import Any

import pytest

from fenfa.services.records import Record
from fenfa.web.charts import Stretch, draw_chart, nice_top, share_of, stretches
from fenfa.web.i18n import ENGLISH, LANGUAGES

CHINESE = LANGUAGES[1]


def days(*downloads: int, last: str = "2026-11-02") -> list[Record]:
    """A day for each number, the last of them on `last`."""
    end = date.fromisoformat(last)
    dates = [(end - timedelta(days=n)).isoformat() for n in reversed(range(len(downloads)))]
    nothing = {"visits": 0, "clicks": 0, "unique_devices": 0}
    return [{"date": day, "downloads": n, **nothing} for day, n in zip(dates, downloads, strict=True)]


def parts(now: list[int], before: list[int]) -> list[Stretch]:
    return stretches(days(*now), days(*before))


@pytest.mark.parametrize(
    ("most", "top"),
    [
        (0, 2),
        (1, 2),
        (2, 2),
        (3, 4),
        (5, 6),
        (7, 8),
        (9, 10),
        (10, 10),
        (11, 20),
        (401, 600),
        (999, 1000),
        (1001, 2000),
    ],
)
def test_top_is_round_and_its_half_is_whole(most: int, top: int) -> None:
    assert nice_top(most) == top
    assert top % 2 == 0


@pytest.mark.parametrize(("count", "bars", "step"), [(1, 1, 1), (92, 92, 1), (93, 14, 7), (364, 52, 7), (800, 29, 28)])
def test_many_days_are_drawn_together(count: int, bars: int, step: int) -> None:
    made = parts([1] * count, [2] * count)
    assert len(made) == bars
    assert sum(part.sums["downloads"] for part in made) == count
    assert sum(part.before["downloads"] for part in made) == 2 * count
    assert (made[-1].end, (made[-1].end - made[-1].start).days + 1) == (date(2026, 11, 2), step)


def test_stretches_follow_each_other() -> None:
    made = parts([1] * 100, [1] * 100)
    assert all(later.start - earlier.end == timedelta(days=1) for earlier, later in itertools.pairwise(made))
    assert made[0].start == date(2026, 7, 26)


def test_bars_are_as_high_as_their_numbers() -> None:
    chart = draw_chart(parts([0, 5, 10], [10, 0, 1]), "downloads", ENGLISH)
    assert chart.top == 10
    assert [(bar.value, bar.height) for bar in chart.bars] == [(0, 0.0), (5, 50.0), (10, 100.0)]
    assert [(bar.before, bar.before_height) for bar in chart.bars] == [(10, 100.0), (0, 0.0), (1, 10.0)]


@pytest.mark.parametrize("count", [1, 2, 30, 92])
def test_bars_stand_side_by_side(count: int) -> None:
    bars = draw_chart(parts([1] * count, [0] * count), "downloads", ENGLISH).bars
    assert bars[0].slot_x == 0
    assert bars[-1].slot_x + bars[-1].slot_width == pytest.approx(100, abs=0.1)
    for bar in bars:
        assert bar.slot_x < bar.x < bar.middle < bar.x + bar.width < bar.slot_x + bar.slot_width


def test_texts_hang_inside_the_picture() -> None:
    anchors = [bar.anchor for bar in draw_chart(parts([1] * 8, [0] * 8), "downloads", ENGLISH).bars]
    assert anchors == ["start"] * 2 + ["middle"] * 4 + ["end"] * 2


def test_days_are_named_in_the_language() -> None:
    made = parts([1] * 30, [1] * 30)
    english, chinese = draw_chart(made, "downloads", ENGLISH), draw_chart(made, "downloads", CHINESE)
    assert (english.bars[-1].days, chinese.bars[-1].days) == ("Nov 2, 2026", "2026年11月2日")
    assert [mark.text for mark in english.marks] == ["Oct 4", "Oct 11", "Oct 18", "Oct 26", "Nov 2"]
    assert chinese.marks[0].text == "10月4日"
    year = draw_chart(parts([1] * 364, [1] * 364), "downloads", ENGLISH)
    assert (year.bars[-1].days, year.marks[0].text) == ("Oct 27\u2009–\u2009Nov 2, 2026", "Nov 2025")


@pytest.mark.parametrize(("count", "texts"), [(1, ["Nov 2"]), (2, ["Nov 1", "Nov 2"])])
def test_few_days_are_all_named(count: int, texts: list[str]) -> None:
    chart = draw_chart(parts([1] * count, [0] * count), "downloads", ENGLISH)
    assert [mark.text for mark in chart.marks] == texts
    assert {mark.anchor for mark in chart.marks} == {"middle"}


@pytest.mark.parametrize("measure", ["downloads", "visits"])
def test_nothing_is_no_chart(measure: str) -> None:
    assert draw_chart(parts([0, 0], [0, 0]), measure, ENGLISH).is_empty


def test_what_was_before_is_drawn_even_if_there_is_nothing_now() -> None:
    assert not draw_chart(parts([0, 0], [0, 3]), "downloads", ENGLISH).is_empty


@pytest.mark.parametrize(("value", "most", "share"), [(0, 0, 0.0), (1, 3, 33.33), (3, 3, 100.0)])
def test_share(value: int, most: int, share: Any) -> None:
    assert share_of(value, most) == share
