"""`fenfa inspect --json` speaks the words of the fixtures' ground truth, so the two compare directly."""

import json
from typing import Any

import pytest

from fenfa.errors import BadPackage
from fenfa.inspectors import find_inspector, wire
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.report import report
from tests.inspectors.fixtures import FOLDER, Entry, entries, entry_name
from tests.inspectors.scores import Score

FORMATS = ("ipa", "apk", "aab", "apks", "macapp", "dmg", "pkg", "exe", "msi", "msix", "deb", "rpm", "appimage", "hap")
FIELDS = (
    *("identifier", "name", "version", "build", "min_os", "target", "split", "abis", "arch", "long_version_code"),
    *("localized_names", "company", "upgrade_code", "publisher", "publisher_name", "epoch", "summary", "signed"),
)
WANTED = [entry for entry in entries(*FORMATS) if entry["expected"]["accept"] == "yes"]


@pytest.mark.parametrize("entry", WANTED, ids=entry_name)
def test_report_says_what_was_expected(entry: Entry, score: Score) -> None:
    told, expected = _told(entry), entry["expected"]
    compared = {field: (told.get(field), expected[field]) for field in FIELDS if field in expected}
    right = {field: _is_same(field, found, wanted) for field, (found, wanted) in compared.items()}
    score(f"{entry['format']} report", right)
    assert {field: compared[field] for field, good in right.items() if not good} == {}


def test_nothing_known_is_null() -> None:
    told = json.loads(json.dumps(report(PackageInfo("zip", None))))
    assert (told["identifier"], told["name"], told["signing"], told["profile"]) == (None, None, None, None)
    assert told["icon"] == {"raster_available": False}


def _told(entry: Entry) -> dict[str, Any]:
    from importlib import import_module

    inspector = find_inspector(entry["file"])
    assert inspector is not None
    module = import_module(inspector.module)
    try:
        return report(wire.unpack(wire.pack(module.inspect(FOLDER / entry["file"]))))
    except BadPackage as error:
        pytest.fail(str(error))


def _is_same(field: str, found: Any, wanted: Any) -> bool:
    """Versions compare as text. No name in the truth means that the tools found none; a reference must be resolved."""
    if field == "name" and (wanted is None or str(wanted).startswith("ms-resource:")):
        return not str(found).startswith(("@", "ms-resource:"))
    if isinstance(wanted, str | int | float) and not isinstance(wanted, bool):
        return str(found if found is not None else "") == str(wanted).strip()
    return (found or None) == (wanted or None)
