"""Days as people ask for them."""

from datetime import date

import pytest

from fenfa.errors import BadInput
from fenfa.services.statistics import Span
from fenfa.web.spans import kept_day, last_days, span_of

TODAY = date(2026, 11, 2)


def test_last_days_end_today() -> None:
    assert last_days(TODAY, 1) == Span(TODAY, TODAY)
    assert list(last_days(TODAY, 2).days()) == ["2026-11-01", "2026-11-02"]
    assert len(last_days(TODAY)) == 30


@pytest.mark.parametrize(
    ("start", "end", "first", "last"),
    [
        ("", "", "2026-10-04", "2026-11-02"),
        ("2026-11-01", "", "2026-11-01", "2026-11-02"),
        ("", "2026-03-01", "2026-01-31", "2026-03-01"),
        ("2024-02-29", "2024-02-29", "2024-02-29", "2024-02-29"),
        ("2016-10-26", "", "2016-10-26", "2026-11-02"),
    ],
)
def test_from_and_to(start: str, end: str, first: str, last: str) -> None:
    assert span_of(start, end, TODAY) == Span(date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    ("start", "end", "sentence"),
    [
        ("2026-11-03", "", "from must not be after to"),
        ("2026-02-30", "", "from must be a date, YYYY-MM-DD"),
        ("", "x", "to must be a date, YYYY-MM-DD"),
        ("2016-10-25", "", "from and to must be at most ten years apart"),
        ("0001-01-01", "", "dates must be after 1970"),
        ("", "0001-01-01", "dates must be after 1970"),
    ],
)
def test_days_that_cannot_be(start: str, end: str, sentence: str) -> None:
    with pytest.raises(BadInput) as caught:
        span_of(start, end, TODAY)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(("text", "day"), [("2026-11-02", "2026-11-02"), ("2026-02-30", ""), ("", ""), ("\0", "")])
def test_pages_keep_what_is_a_date(text: str, day: str) -> None:
    assert kept_day(text) == day
