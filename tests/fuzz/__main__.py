"""Runs targets for a while each; prints what they found, and leaves the file that did it in the current folder."""

import argparse
import random
import sys
import time
import traceback
from pathlib import Path

from fenfa.errors import BadPackage
from tests.fuzz.base import Target, damage
from tests.fuzz.targets import ALL

MAX_SECONDS = 2.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(one.name for one in ALL)}")
    parser.add_argument("--seconds", type=float, default=60, help="for each target (60)")
    parser.add_argument("--seed", type=int, default=0, help="of the damage: the same one repeats a run")
    options = parser.parse_args()
    chosen = [one for one in ALL if not options.names or one.name in options.names]
    if len(chosen) < len(options.names):
        parser.error("there is no such target")
    stood = [_run(one, options.seconds, options.seed) for one in chosen]
    return int(not all(stood))


def _run(target: Target, seconds: float, seed: int) -> bool:
    """Whether the reader stood it. Stops at the first fault."""
    chance, seeds = random.Random(seed), target.seeds()
    end, count, slowest = time.monotonic() + seconds, 0, 0.0
    while time.monotonic() < end:
        data = damage(chance.choice(seeds), chance)
        started = time.process_time()
        fault = _fault(target, data)
        taken = time.process_time() - started
        slowest, count = max(slowest, taken), count + 1
        if fault or taken > MAX_SECONDS:
            kept = Path(f"fuzz-{target.name}.bin")
            kept.write_bytes(data)
            sys.stdout.write(f"{target.name}: {fault or f'took {taken:.1f} s'} (kept as {kept})\n")
            return False
    sys.stdout.write(f"{target.name}: {count} files in {seconds:.0f} s, the slowest took {slowest:.2f} s\n")
    return True


def _fault(target: Target, data: bytes) -> str:
    try:
        target.read(data)
    except BadPackage:
        return ""
    except Exception:  # whatever it is, it is a bug
        return traceback.format_exc()
    return ""


if __name__ == "__main__":
    sys.exit(main())
