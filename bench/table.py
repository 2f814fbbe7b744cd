"""One figure, and how all of them are printed and kept."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Column, Table


@dataclass(frozen=True)
class Figure:
    """A median beside its limit's median, both in `unit`.

    `beside` names the limit. At most one requirement: `at_most` and `at_least` bind the value, `ratio_at_least` the value over
    the limit; a figure without either is information.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None
    beside: str = ""
    at_most: float | None = None
    at_least: float | None = None
    ratio_at_least: float | None = None

    @property
    def ratio(self) -> float | None:
        return self.value / self.limit if self.limit else None

    @property
    def ok(self) -> bool | None:
        if self.at_most is not None:
            return self.value <= self.at_most
        if self.at_least is not None:
            return self.value >= self.at_least
        if self.ratio_at_least is not None:
            return self.ratio is not None and self.ratio >= self.ratio_at_least
        return None

    @property
    def required(self) -> str:
        if self.at_most is not None:
            return f"≤ {show(self.at_most)}"
        if self.at_least is not None:
            return f"≥ {show(self.at_least)}"
        return f"ratio ≥ {self.ratio_at_least}" if self.ratio_at_least is not None else ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"ratio": self.ratio, "required": self.required, "ok": self.ok}


def show(value: float) -> str:
    """Three significant digits at least, thousands apart."""
    decimals = next((places for edge, places in ((100, 0), (10, 1), (1, 2)) if abs(value) >= edge), 3)
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


VERDICTS = {True: "[green]ok", False: "[red]over", None: ""}


def draw(figures: Iterable[Figure]) -> Table:
    numbers = [Column(title, justify="right", no_wrap=True) for title in ("value", "limit", "ratio")]
    table = Table(Column("figure", no_wrap=True), *numbers, "unit", "limit is", "required", "", box=box.SIMPLE_HEAD)
    for figure in figures:
        table.add_row(*_cells(figure))
    return table


def _cells(figure: Figure) -> tuple[str, ...]:
    limit = show(figure.limit) if figure.limit is not None else ""
    ratio = f"{figure.ratio:.2f}" if figure.ratio is not None else ""
    verdict = VERDICTS[figure.ok]
    return figure.name, show(figure.value), limit, ratio, figure.unit, figure.beside, figure.required, verdict


def print_table(figures: Iterable[Figure], failures: dict[str, str], console: Console) -> None:
    console.print(draw(figures))
    for name, reason in failures.items():
        console.print(f"{name} could not be measured: ", style="red", end="")
        console.print(reason, markup=False, highlight=False)


def write_json(path: Path, facts: dict[str, Any], figures: Iterable[Figure], failures: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    document = facts | {"figures": [figure.as_json() for figure in figures], "failures": failures}
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
