"""Who may import whom: the contracts of pyproject.toml hold, and each of them notices a planted fault."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT = (
    "import sys; sys.path.insert(0, 'src'); from importlinter.cli import lint_imports_command; lint_imports_command()"
)
FAULTS = {
    "Rooms import downwards only": [
        ("services/products.py", "from fenfa.web import urls"),
        ("storage/base.py", "from fenfa.db import engine"),
        ("errors.py", "from fenfa import config"),
        ("runtime.py", "import fenfa.cli.serve"),
    ],
    "Faces do not know each other": [
        ("web/public/page.py", "from fenfa.web.admin import login"),
        ("web/api/products.py", "from fenfa.web.public import page"),
    ],
    "Leaves speak neither HTTP, SQL nor shell": [
        ("feeds/base.py", "import sqlalchemy"),
        ("inspectors/base.py", "import starlette"),
        ("config.py", "import click"),
    ],
    "The web speaks to services, not to SQL": [("web/api/catalog.py", "import sqlalchemy")],
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sources and their contracts, to plant a fault in."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "static", "templates"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(folder: Path) -> tuple[int, str]:
    command = [sys.executable, "-P", "-c", LINT, "--no-cache"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout


def broken(report: str) -> set[str]:
    return {line.removesuffix(" BROKEN") for line in report.splitlines() if line.endswith(" BROKEN")}


def test_contracts_hold(copy: Path) -> None:
    code, report = lint(copy)
    assert (code, broken(report)) == (0, set()), report


def test_every_contract_has_a_planted_fault() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert {contract["name"] for contract in told} == set(FAULTS)


@pytest.mark.parametrize("name", FAULTS)
def test_planted_faults_break_their_contract(copy: Path, name: str) -> None:
    for file, line in FAULTS[name]:
        path = copy / "src" / "fenfa" / file
        path.write_text(f"{path.read_text()}\n{line}\n")
    code, report = lint(copy)
    assert code == 1
    assert name in broken(report)
    for file, line in FAULTS[name]:
        module = "fenfa." + file.removesuffix(".py").replace("/", ".")
        assert module in report, f"{module}: {line} was not noticed"
