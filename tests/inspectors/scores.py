"""How many expected values the readers get right, by format and field, printed at the end of the test run.

A test takes the fixture `score` and calls `score(format, {field: right})` once a package; `tests/conftest.py` imports the fixture
and the hook from here, so that the table is printed with xdist too.
"""

from collections.abc import Callable, Iterable, Mapping

import pytest

Score = Callable[[str, Mapping[str, bool]], None]
_PROPERTY = "score"


@pytest.fixture
def score(request: pytest.FixtureRequest) -> Score:
    """Notes which of a package's fields came out right."""

    def note(format_name: str, fields: Mapping[str, bool]) -> None:
        rows = [(format_name, field, right) for field, right in fields.items()]
        request.node.user_properties += [(_PROPERTY, "\t".join((*row[:2], str(int(row[2]))))) for row in rows]

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for listed in terminalreporter.stats.values() for report in listed]
    notes = [
        note
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, note in report.user_properties
        if name == _PROPERTY
    ]
    if notes:
        terminalreporter.section("expected values that came out right")
        for line in table(_counted(notes)):
            terminalreporter.write_line(line)


Counts = dict[tuple[str, str], tuple[int, int]]
"""Right ones and all, by format and field."""


def table(counts: Counts) -> list[str]:
    """The table's lines: a row for each field, a column for each format."""
    formats, fields = _ordered(key[0] for key in counts), _ordered(key[1] for key in counts)
    rows = [["field", *formats]]
    rows += [[field, *(_cell(counts.get((name, field))) for name in formats)] for field in fields]
    totals = [[counts[key] for key in counts if key[0] == name] for name in formats]
    rows.append(["all", *(_cell((sum(one for one, _ in each), sum(two for _, two in each))) for each in totals)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(formats) + 1)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]


def _counted(notes: Iterable[str]) -> Counts:
    counts: Counts = {}
    for note in notes:
        format_name, field, right = note.split("\t")
        got, total = counts.get((format_name, field), (0, 0))
        counts[format_name, field] = (got + int(right), total + 1)
    return counts


def _ordered(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _cell(count: tuple[int, int] | None) -> str:
    return "" if count is None else f"{count[0]}/{count[1]}"
