"""Files made to break a reader, read in the real sandbox: refused or told truthfully, quickly, and leaving nothing behind."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from fenfa.errors import BadPackage
from fenfa.inspectors import inspect
from fenfa.vocabulary import file_type
from tests.inspectors.fixtures import FOLDER

MAX_SECONDS = 5  # the promise is 2 on a quiet machine
KINDS = (
    "zip-",
    "ipa-",
    "plist-",
    "bplist-",
    "png-",
    "profile-",
    "apk-",
    "axml-",
    "arsc-",
    "aab-",
    "apks-",
    "xapk-",
    "fuzz-",
    "dmg-",
    "pkg-",
    "deb-",
    "rpm-",
    "pe-",
    "msi-",
    "msix-",
    "appimage-",
    "empty",
    "one-byte",
)
NAMED = ("random", "pdf", "html", "docx", "jar", "gif", "elf")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("hostile")
    command = [sys.executable, str(FOLDER / "make_bad.py"), str(folder), *KINDS, *NAMED]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder, json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]


def test_every_hostile_file_is_refused_or_told_truthfully(hostile: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, entries = hostile
    packages = [entry for entry in entries if file_type(entry["file"])]
    assert len(packages) > 100
    complaints = [complaint for entry in packages for complaint in _complaints(folder, entry)]
    assert complaints == []


def _complaints(folder: Path, entry: dict[str, Any]) -> list[str]:
    name, started = entry["file"], time.monotonic()
    before = sorted(folder.iterdir())
    try:
        found = vars(inspect(folder / name, name))
    except BadPackage as refusal:
        problems = [f"{name}: refused ({refusal})"] if entry["accept"] == "yes" else []
    else:
        truth = entry["truth"] or {}
        problems = [f"{name}: {key} is {found[key]!r}" for key in truth if found[key] != truth[key]]
        problems += [f"{name}: accepted"] if entry["accept"] == "no" else []
        problems += [f"{name}: shows a local file"] if "root:x:" in str(found) else []
    if time.monotonic() - started > MAX_SECONDS:
        problems.append(f"{name}: took too long")
    return problems + ([f"{name}: left a file"] if sorted(folder.iterdir()) != before else [])
