"""From the spawn of `fenfa serve` to the first 200 on /healthz."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.plan import Plan, median
from bench.server import serve
from bench.table import Figure

SECONDS = 2.0


def measure(plan: Plan) -> Iterator[Figure]:
    firsts, seconds, bare = [], [], []
    for turn in range(plan.scale.starts):
        room = plan.room(f"startup-{turn}")
        firsts.append(_start(plan, room))
        seconds.append(_start(plan, room))
        bare.append(bare_python())
    limit = median(bare)
    yield Figure("first start, with migrations", median(firsts), "s", limit, "python -c pass", at_most=SECONDS)
    yield Figure("second start", median(seconds), "s", limit, "python -c pass", at_most=SECONDS)


def _start(plan: Plan, room: Path) -> float:
    started = time.perf_counter()
    with serve(plan, room):
        return time.perf_counter() - started


def bare_python(*flags: str) -> float:
    """The least that any Python process costs."""
    started = time.perf_counter()
    subprocess.run([sys.executable, *flags, "-c", "pass"], check=True)
    return time.perf_counter() - started
