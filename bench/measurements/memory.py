"""What an idle server holds: PSS of its whole process tree with one worker, after one request."""

import time
from collections.abc import Iterator

from bench.plan import MB, Plan, median
from bench.server import serve
from bench.table import Figure

SETTLE_SECONDS = 1


def measure(plan: Plan) -> Iterator[Figure]:
    held = [_idle(plan, turn) for turn in range(plan.scale.rounds)]
    yield Figure("idle memory", median(held), "MB", at_most=130)


def _idle(plan: Plan, turn: int) -> float:
    with serve(plan, plan.room(f"memory-{turn}")) as server:
        time.sleep(SETTLE_SECONDS)
        return server.tree.pss_bytes() / MB
