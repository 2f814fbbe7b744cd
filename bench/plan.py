"""How much a run does, and where."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

KB, MB, GB = 10**3, 10**6, 10**9
MIB = 2**20

Value = TypeVar("Value")
Limit = TypeVar("Limit")


class BenchError(Exception):
    """The machine, the server or a tool did not do what a figure needs; the message says what."""


@dataclass(frozen=True)
class Scale:
    """Sizes in bytes, times in seconds. `rounds` is how often a figure and its limit take turns, `asks` how often a
    route is asked whose slowest answers count."""

    rounds: int = 3
    starts: int = 5
    upload: int = 500 * MIB
    upload_others: tuple[int, ...] = (MIB, 50 * MIB)
    upload_sparse: int = 0
    upload_s3: int = 200 * MIB
    download: int = 200 * MB
    fetched: int = 64 * 200 * MB
    load_seconds: int = 4
    events: int = 10_000_000
    asks: int = 40
    packages: tuple[tuple[str, int], ...] = (("app.apk", 20 * MB), ("app.ipa", 20 * MB), ("app.ipa", 200 * MB))


NORMAL = Scale()
FULL = Scale(upload_sparse=3 * GB)
QUICK = Scale(
    starts=3,
    upload=32 * MIB,
    upload_others=(MIB,),
    upload_s3=32 * MIB,
    download=20 * MB,
    fetched=64 * 20 * MB,
    load_seconds=1,
    events=200_000,
    asks=10,
    packages=(("app.apk", 2 * MB), ("app.ipa", 2 * MB)),
)


@dataclass(frozen=True)
class Plan:
    """What every measurement is given. `command` starts the program under test, `directory` is an empty one on a disk."""

    scale: Scale
    command: tuple[str, ...]
    directory: Path

    def room(self, name: str) -> Path:
        room = self.directory / name
        room.mkdir()
        return room


def take_turns(rounds: int, ours: Callable[[], Value], limit: Callable[[], Limit]) -> tuple[list[Value], list[Limit]]:
    """Ours, limit, ours, limit …: a machine that others use slows both alike."""
    turns = [(ours(), limit()) for _ in range(rounds)]
    return [value for value, _ in turns], [value for _, value in turns]


def median(values: list[float]) -> float:
    return statistics.median(values)
