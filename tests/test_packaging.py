"""What people install: wheel and sdist are complete, and a wheel in an empty environment serves."""

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
PATIENCE = 30


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel made from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT))
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`bin` of an empty environment with the wheel in it; what it depends on is borrowed from this environment."""
    folder = tmp_path_factory.mktemp("venv")
    venv.create(folder, with_pip=False)
    target = folder / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (target / "borrowed.pth").write_text(sysconfig.get_path("purelib"))
    (wheel,) = built.glob("*.whl")
    python = str(folder / "bin" / "python")
    run(sys.executable, "-m", "pip", "--python", python, "install", "-qq", "--no-deps", "--no-index", "-I", str(wheel))
    return folder / "bin"


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd="/", env=clean())
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("FENFA_", "PYTHON"))}


def source_files() -> set[str]:
    files = (path for path in SOURCE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(SOURCE).as_posix() for path in files if not path.name.startswith(".")}


def test_wheel_holds_every_file_of_the_source(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    assert source_files() - held == set()
    for name in ("web/templates/base.html", "web/static/fenfa.css", "db/migrations/env.py", "py.typed"):
        assert f"fenfa/{name}" in held
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in held)


def test_wheel_holds_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {re.sub(r"-.*", "", top) for top in tops} == {"fenfa"}


def test_sdist_can_run_the_checks(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    tools = {f"tools/{path.name}" for path in (ROOT / "tools").iterdir()}
    pages = {"README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs/design/house.md"}
    assert (
        {"Makefile", "pyproject.toml", "tests/conftest.py", "requirements/dev.lock"} | tools | pages
    ) - held == set()


def test_installed_wheel_is_what_runs(installed: Path) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert run(str(installed / "fenfa"), "version") == f"fenfa {version}\n"
    where = run(str(installed / "python"), "-c", "import fenfa; print(fenfa.__file__)")
    assert where.startswith(str(installed.parent))


@pytest.mark.journey
def test_installed_wheel_serves(installed: Path, tmp_path: Path) -> None:
    with serving(installed / "fenfa", tmp_path) as base:
        assert httpx.get(f"{base}/healthz").json() == {"ok": True, "data": {"status": "ok"}}
        assert "Log in" in httpx.get(f"{base}/admin/login").text
        assert httpx.get(f"{base}/static/fenfa.css").headers["content-type"].startswith("text/css")


@contextmanager
def serving(program: Path, folder: Path) -> Iterator[str]:
    """The address of the installed program's server, which listens from before it prints it."""
    command = [str(program), "serve", "--port", "0"]
    with (
        (folder / "server.log").open("w") as log,
        subprocess.Popen(command, cwd=folder, env=clean(), stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout is not None
        try:
            said = iter(process.stdout.readline, "")
            yield next(found[1] for line in said if (found := re.search(r" is at (http\S+)", line)))
        finally:
            process.terminate()
            process.wait(PATIENCE)
