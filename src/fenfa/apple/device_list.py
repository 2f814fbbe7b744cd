"""The developer portal's text format for many devices at once: `Device ID`, `Device Name`, `Device Platform`, a tab between them.

Source: Apple, "Register multiple devices" (Developer Account Help), and the sample file there.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fenfa.apple.devices import normal_udid
from fenfa.errors import Sentence

MAX_BYTES = 1024 * 1024
_HEAD = ("Device ID", "Device Name", "Device Platform")
_LONGEST_NAME = 50
_NOT_OURS = ("mac", "macos")


@dataclass(frozen=True)
class Listed:
    """A line that names a device."""

    udid: str
    name: str


@dataclass(frozen=True)
class Problem:
    """A line that does not, by its number from 1, and why."""

    line: int
    reason: str


def read_list(text: str) -> tuple[list[Listed], list[Problem]]:
    """The devices for iOS in the order of the file, each once, and the lines that were left out."""
    found: dict[str, Listed] = {}
    problems = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        cells = [cell.strip() for cell in line.split("\t")]
        if not any(cells) or tuple(cells[: len(_HEAD)]) == _HEAD:
            continue
        udid, name, platform = (*cells, "", "", "")[:3]
        reason = _doubt(udid, platform)
        if reason:
            problems.append(Problem(number, reason))
        elif normal_udid(udid) not in found:
            found[normal_udid(udid)] = Listed(normal_udid(udid), _line(name))
    return list(found.values()), problems


def write_list(devices: Iterable[Listed]) -> str:
    lines = [_HEAD, *((one.udid, _line(one.name) or one.udid, "ios") for one in devices)]
    return "".join("\t".join(cells) + "\n" for cells in lines)


def _doubt(udid: str, platform: str) -> str:
    if platform.lower() in _NOT_OURS:
        return Sentence("this is a Mac; only devices for iOS are taken")
    return "" if normal_udid(udid) else Sentence("the first column is no device ID (UDID)")


def _line(name: str) -> str:
    """Printable, at most 50 letters, which is what the portal takes."""
    return " ".join("".join(char if char.isprintable() else " " for char in name).split())[:_LONGEST_NAME].strip()
