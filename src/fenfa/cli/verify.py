"""`fenfa verify`: does every release still have its bytes?"""

import json
from collections import Counter
from dataclasses import asdict
from typing import Annotated

import typer

from fenfa.cli import new_app
from fenfa.cli.here import ConfigFile, open_here
from fenfa.services.releases import get_release
from fenfa.services.verification import Finding
from fenfa.services.verification import verify as verify_files

app = new_app()
CORRUPT, ORPHAN = 3, 5


@app.command()
def verify(
    release: Annotated[str | None, typer.Option(help="Only this release, rel_….")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON report.")] = False,
    config: ConfigFile = None,
) -> int:
    """Hash every stored file and compare. Safe while the server runs.

    \b
    Exit codes:
      0  every file is as it came
      3  a file is missing or corrupt
      5  only files that belong to no release
    \b
    Examples:
      fenfa verify
      fenfa verify --json > report.json
    """
    runtime = open_here(config)
    if release is not None:
        runtime.database.read_now(get_release, release)
    counts: Counter[str] = Counter()
    wrong: list[Finding] = []
    for finding in verify_files(runtime.database, runtime.storage, release):
        counts[finding.state] += 1
        if finding.state != "ok":
            wrong.append(finding)
    _print_json(counts, wrong) if as_json else _print_lines(counts, wrong)
    return exit_code(counts)


def exit_code(counts: Counter[str]) -> int:
    if counts["missing"] or counts["corrupt"]:
        return CORRUPT
    return ORPHAN if counts["orphan"] else 0


def _print_json(counts: Counter[str], wrong: list[Finding]) -> None:
    states = {state: counts[state] for state in ("ok", "missing", "corrupt", "orphan")}
    print(json.dumps({**states, "findings": [asdict(finding) for finding in wrong]}, indent=1))


def _print_lines(counts: Counter[str], wrong: list[Finding]) -> None:
    for finding in wrong:
        print(f"{finding.state}: {finding.key}")
    print(", ".join(f"{counts[state]} {state}" for state in ("ok", "missing", "corrupt", "orphan")))
