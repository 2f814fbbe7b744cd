"""The front door: formats by file name, the child, the registry."""

import subprocess
import sys
from importlib import import_module
from inspect import signature
from pathlib import Path

import pytest

from fenfa.errors import BadPackage
from fenfa.inspectors import INSPECTORS, inspect
from fenfa.inspectors.icons import clean_icon
from fenfa.vocabulary import CONTENT_TYPES, Platform
from tests.support import images
from tests.support.packages import make_apk, make_ipa


def test_reads_an_ipa_in_a_child(tmp_path: Path) -> None:
    info = inspect(make_ipa(tmp_path / "staged-upload"), "Example 1.0.IPA")
    assert (info.format, info.platform) == ("ipa", Platform.IOS)
    assert (info.identifier, info.name, info.version, info.build) == ("com.example.app", "Example", "1.0", "1")
    assert (info.min_os, info.arch) == ("15.0", ["arm64"])
    assert info.icon_png is not None
    assert info.provisioning_profile is not None
    assert info.warnings == []


def test_reads_an_apk_in_a_child(tmp_path: Path) -> None:
    info = inspect(make_apk(tmp_path / "staged-upload", name="Größe → 大"), "x.apk")
    assert (info.format, info.platform) == ("apk", Platform.ANDROID)
    assert (info.identifier, info.name, info.version, info.build) == ("com.example.app", "Größe → 大", "1.0", "1")
    assert (info.min_os, info.facts["target_sdk"]) == ("21", "34")
    assert info.icon_png is not None


def test_a_file_that_is_not_what_its_name_says_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadPackage, match="not an IPA"):
        inspect(make_apk(tmp_path / "x"), "x.ipa")
    with pytest.raises(BadPackage, match="not an APK"):
        inspect(make_ipa(tmp_path / "y"), "y.apk")


def test_a_format_that_nothing_reads_is_not_opened(tmp_path: Path) -> None:
    assert inspect(tmp_path / "never-opened", "a.txt").platform is None


def test_every_file_type_is_read() -> None:
    assert {kind for one in INSPECTORS for kind in one.file_types} >= set(CONTENT_TYPES)


def test_a_file_that_cannot_be_opened_is_not_the_packages_fault(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        inspect(tmp_path / "gone", "gone.ipa")


def test_a_name_is_not_a_command(tmp_path: Path) -> None:
    path = make_ipa(tmp_path / "-c print(1); $(touch x)\n.ipa")
    assert inspect(path, path.name).identifier == "com.example.app"


def test_every_inspector_has_a_reader_and_endings_of_its_own() -> None:
    for one in INSPECTORS:
        assert list(signature(import_module(one.module).inspect).parameters) == ["path"]
        assert one.file_types
    kinds = [kind for one in INSPECTORS for kind in one.file_types]
    assert len(kinds) == len(set(kinds))


def test_the_server_imports_no_reader() -> None:
    code = "import sys, fenfa.inspectors, fenfa.inspectors.sandbox, fenfa.inspectors.wire; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & {"PIL", "cryptography", "asn1crypto", "plistlib", "zipfile", "fenfa.inspectors.ipa"}


def test_an_icon_that_somebody_sent_is_cleaned(tmp_path: Path) -> None:
    sent = images.png(2000, 500, extra=images.chunk(b"tEXt", b"Comment\0secret"))
    icon = clean_icon(sent, tmp_path)
    assert icon.startswith(b"\x89PNG")
    assert b"secret" not in icon
    with pytest.raises(BadPackage, match="PNG, JPEG or WebP"):
        clean_icon(b"<svg/>", tmp_path)
