"""What a stored User-Agent says to people: a system, and the browser, app or tool that asked."""

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

from fenfa.services.records import Record
from fenfa.services.visitor import recognise
from fenfa.vocabulary import PLATFORM_NAMES, Platform

_MEASURES = ("downloads", "visits", "clicks")
_IOS_OF_APPS = re.compile(r"\biOS/(\d+)\.(\d+)")
_ANDROID = re.compile(r"\bAndroid (\d+)(?:\.(\d+))?")
_REDUCED = re.compile(r"Android 10; K\)")  # what Chrome says on every Android
_INSTALLER = re.compile(r"^(?:com\.apple\.appstored|itunesstored|appstored)/")
_TOOL = re.compile(r"^(?!Mozilla/)([A-Za-z][\w.+-]{1,30})(?:/|$)|\bcompatible; ([A-Za-z][\w.+-]{1,30})/")


class Agent(NamedTuple):
    """Empty where it is not told. `in_app`: `program` is an app, and this its built-in browser; if it is empty, nobody knows
    which. `is_installer`: iOS itself fetched the file."""

    system: str = ""
    version: str = ""
    program: str = ""
    in_app: bool = False
    is_installer: bool = False

    @property
    def major(self) -> str:
        return self.version.partition(".")[0]


@lru_cache(maxsize=4096)
def read_agent(text: str) -> Agent:
    visitor = recognise(text)
    return Agent(
        PLATFORM_NAMES[visitor.platform] if visitor.platform else "",
        _version(text, visitor.platform, visitor.os_version),
        visitor.app.strip("?") or ("" if visitor.app else visitor.browser or _tool(text)),
        bool(visitor.app) and not _INSTALLER.match(text),
        bool(_INSTALLER.match(text)),
    )


def sum_systems(agents: list[Record]) -> list[dict[str, Any]]:
    """`system, version, downloads, visits, clicks`, most downloads first; `version` is the major one, empty if not told."""
    return _summed(agents, ("system", "version"))


def sum_programs(agents: list[Record]) -> list[dict[str, Any]]:
    """`program, in_app, is_installer, downloads, visits, clicks`, most downloads first."""
    return _summed(agents, ("program", "in_app", "is_installer"))


def _summed(rows: Iterable[Record], names: tuple[str, ...]) -> list[dict[str, Any]]:
    sums: dict[tuple[Any, ...], Counter[str]] = {}
    for row in rows:
        group = tuple(row[name] for name in names)
        sums.setdefault(group, Counter()).update({name: row[name] for name in _MEASURES})
    made = [
        dict(zip(names, group, strict=True)) | {n: counted[n] for n in _MEASURES} for group, counted in sums.items()
    ]
    return sorted(made, key=lambda one: (-one["downloads"], -one["visits"], -one["clicks"], str(one[names[0]])))


def _version(text: str, platform: Platform | None, ios_version: str) -> str:
    if platform == Platform.IOS:
        found = _IOS_OF_APPS.search(text)
        return ios_version or (f"{found[1]}.{found[2]}" if found else "")
    found = None if _REDUCED.search(text) else _ANDROID.search(text)
    return found[1] if found and platform == Platform.ANDROID else ""


def _tool(text: str) -> str:
    found = _TOOL.search(text)
    return (found[1] or found[2]) if found else ""
