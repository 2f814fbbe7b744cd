"""`python -m bench`: run the measurements, print a table, write JSON."""

import argparse
import shutil
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from bench.machine import facts
from bench.measurements import MEASUREMENTS
from bench.plan import FULL, NORMAL, QUICK, Plan
from bench.table import Figure, print_table, write_json

TOOLS = ("nginx", "wrk")
RESULTS = Path(__file__).parent / "results"
FENFA = Path(sys.executable).with_name("fenfa")


def read_arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=MEASUREMENTS, default=list(MEASUREMENTS),
                        help=f"measure only these: {', '.join(MEASUREMENTS)}")  # fmt: skip
    scale = parser.add_mutually_exclusive_group()
    scale.set_defaults(scale=NORMAL)
    scale.add_argument("--quick", dest="scale", action="store_const", const=QUICK, help="small sizes, a rough look")
    scale.add_argument("--full", dest="scale", action="store_const", const=FULL, help="also what takes minutes")
    parser.add_argument("--rounds", type=int, help="how often each figure and its limit take turns (default 3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="default: bench/results/<date>.json")
    parser.add_argument(
        "--server", default=str(FENFA), metavar="PROGRAM", help="the fenfa to measure (default: %(default)s)"
    )
    parser.add_argument("--directory", default="/var/tmp", metavar="DIR",
                        help="a place on the disk to measure (default: %(default)s)")  # fmt: skip
    return parser.parse_args(words)


def missing_tools() -> list[str]:
    return [tool for tool in TOOLS if not shutil.which(tool)]


def run(plan: Plan, names: list[str], console: Console) -> tuple[list[Figure], dict[str, str]]:
    """One measurement that fails does not cost the others: its reason stands in the second answer."""
    figures: list[Figure] = []
    failures: dict[str, str] = {}
    for name in names:
        console.print(f"measuring {name} …", style="dim")
        try:
            figures.extend(MEASUREMENTS[name](plan))
        except Exception as error:
            failures[name] = "\n".join([f"{type(error).__name__}: {error}", *getattr(error, "__notes__", [])])
    return figures, failures


def main(words: list[str]) -> int:
    options = read_arguments(words)
    console = Console(width=None if sys.stdout.isatty() else 132)
    if missing := missing_tools():
        console.print(f"{' and '.join(missing)} not found: run tools/install-test-packages", style="red")
        return 2
    scale = replace(options.scale, rounds=options.rounds) if options.rounds else options.scale
    machine = facts()
    with tempfile.TemporaryDirectory(prefix="fenfa-bench-", dir=options.directory) as directory:
        plan = Plan(scale, (options.server,), Path(directory))
        figures, failures = run(plan, options.only, console)
    print_table(figures, failures, console)
    path = options.json or RESULTS / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    write_json(path, machine, figures, failures)
    console.print(f"written to {path}", style="dim")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
