"""The folder of real packages with ground truth, `../shared/fixtures` beside the checkout or FENFA_FIXTURES."""

import json
import os
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("FENFA_FIXTURES") or Path(__file__).parents[3] / "shared" / "fixtures")
Entry = dict[str, Any]


def entries(*formats: str) -> list[Entry]:
    """The manifest's entries of these formats; none when the folder is absent, which `test_fixtures` reports."""
    manifest = FOLDER / "manifest.json"
    if not manifest.is_file():
        return []
    files: list[Entry] = json.loads(manifest.read_text(encoding="utf-8"))["files"]
    return [entry for entry in files if entry["format"] in formats]


def entry_name(entry: Entry) -> str:
    return str(entry["file"])
