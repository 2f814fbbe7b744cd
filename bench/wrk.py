"""Requests per second by wrk, and what they cost the server."""

import re
import subprocess
from dataclasses import dataclass

from bench.plan import BenchError
from bench.processes import Tree, cpu_of


@dataclass(frozen=True)
class Load:
    requests: int
    rate: float
    median_millis: float = 0.0
    cpu_seconds: float = 0.0

    @property
    def cpu_micros(self) -> float:
        return self.cpu_seconds / self.requests * 1e6


_MILLIS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def read_report(report: str) -> tuple[int, float, float]:
    """Completed requests, requests a second, and the median of their milliseconds; any failed request makes the run worthless."""
    failed = re.search(r"(Non-2xx or 3xx responses: .*|Socket errors: .*)", report)
    requests = re.search(r"(\d+) requests in", report)
    rate = re.search(r"Requests/sec: +([\d.]+)", report)
    half = re.search(r"50% +([\d.]+)(us|ms|s)", report)
    if failed or not requests or not rate or not half or not int(requests[1]):
        raise BenchError(f"wrk: {failed[1] if failed else report}")
    return int(requests[1]), float(rate[1]), float(half[1]) * _MILLIS[half[2]]


def load(tree: Tree, url: str, connections: int, seconds: int) -> Load:
    """One wrk thread; `tree` is the server's, whose CPU is read before and after."""
    command = ["wrk", "--latency", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", url]
    with cpu_of(tree) as cpu:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return Load(*read_report(done.stdout + done.stderr), cpu.seconds)
