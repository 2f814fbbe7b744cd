"""Inspecting a package, as an upload does: in a child process, beside the bare start of such a process."""

import time
from collections.abc import Iterator
from pathlib import Path

from bench.files import pad
from bench.measurements.startup import bare_python
from bench.plan import MB, Plan, median, take_turns
from bench.table import Figure

LARGE = 100 * MB
SECONDS, LARGE_SECONDS = 0.06, 0.15
"""Beyond the bare start of a process, which belongs to the machine."""


def measure(plan: Plan) -> Iterator[Figure]:
    room = plan.room("parsing")
    for name, size in plan.scale.packages:
        package = room / f"{size // MB}-{name}"
        make_package(package)
        pad(package, size)
        ours, limits = take_turns(plan.scale.starts, lambda: _inspect(package), lambda: bare_python("-I"))  # noqa: B023
        bare, most = median(limits), LARGE_SECONDS if size > LARGE else SECONDS
        label = f"parse {name.removeprefix('app.').upper()}, {size // MB} MB"
        yield Figure(label, median(ours), "s", bare, "python -I -c pass", at_most=bare + most)


def make_package(package: Path) -> None:
    # Imported here, since only this measurement needs the tests' builders.
    from tests.support import packages

    make = packages.make_apk if package.suffix == ".apk" else packages.make_ipa
    make(package)


def _inspect(package: Path) -> float:
    from fenfa.inspectors import inspect

    started = time.perf_counter()
    inspect(package, package.name)
    return time.perf_counter() - started
