"""Inspecting an APK beside androguard, the Python library for it: seconds and peak memory of a whole process each."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from bench.files import pad
from bench.measurements.parsing import make_package
from bench.plan import MB, Plan, median, take_turns
from bench.table import Figure

PEER = Path(sys.prefix) / "androguard" / "bin" / "python"
_TIMED = """
import json, resource, sys, time
started = time.perf_counter()
{read}
usage = resource.getrusage({who}).ru_maxrss / 1024
print(json.dumps([time.perf_counter() - started, usage]))
"""
_OURS = "from pathlib import Path\nfrom fenfa.inspectors import inspect\ninspect(Path(sys.argv[1]), sys.argv[1])"
_THEIRS = (
    "from androguard.core.apk import APK\nfrom loguru import logger\nlogger.remove()\n"
    "apk = APK(sys.argv[1])\napk.get_app_name(), apk.get_app_icon(), apk.get_certificates()"
)


def measure(plan: Plan) -> Iterator[Figure]:
    """Nothing where the peer is not installed; `make bench` installs it into a place of its own."""
    if not PEER.exists():
        return
    package = plan.room("peers") / "app.apk"
    make_package(package)
    pad(package, 20 * MB)
    ours, theirs = take_turns(
        plan.scale.starts,
        lambda: _run(sys.executable, _OURS, "resource.RUSAGE_CHILDREN", package),
        lambda: _run(str(PEER), _THEIRS, "resource.RUSAGE_SELF", package),
    )
    yield Figure("read APK, 20 MB", median([s for s, _ in ours]), "s", median([s for s, _ in theirs]), "androguard")
    yield Figure(
        "read APK, 20 MB, memory", median([m for _, m in ours]), "MB", median([m for _, m in theirs]), "androguard"
    )


def _run(python: str, read: str, who: str, package: Path) -> tuple[float, float]:
    code = _TIMED.format(read=read, who=who)
    done = subprocess.run([python, "-c", code, str(package)], check=True, capture_output=True, text=True)
    seconds, megabytes = json.loads(done.stdout.splitlines()[-1])
    return seconds, megabytes
