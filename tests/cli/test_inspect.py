"""`fenfa inspect`: offline, one line of JSON a file, exit code 3 for what cannot be read."""

import json
from pathlib import Path

import pytest

from fenfa.cli import ExitCode, main
from tests.support.packages import make_apk, make_ipa


def test_tells_one_line_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [make_ipa(tmp_path / "a.ipa", identifier="com.example.a"), make_apk(tmp_path / "b.apk", identifier="b.c.d")]
    assert main(["inspect", "--json", *map(str, files)]) == ExitCode.OK
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(one["file"], one["identifier"]) for one in lines] == [
        (str(files[0]), "com.example.a"),
        (str(files[1]), "b.c.d"),
    ]


def test_a_broken_file_is_told_and_the_rest_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.apk").write_bytes(b"PK")
    good = make_apk(tmp_path / "good.apk", identifier="b.c.d")
    assert main(["inspect", "--json", str(tmp_path / "broken.apk"), str(good)]) == ExitCode.REFUSED
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert set(first) == {"file", "error"}
    assert second["identifier"] == "b.c.d"


def test_writes_the_icon(tmp_path: Path) -> None:
    package, target = make_ipa(tmp_path / "a.ipa"), tmp_path / "icon.png"
    assert main(["inspect", str(package), "--icon", str(target)]) == ExitCode.OK
    assert target.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gone.apk"], "no such file"),
        (["notes.txt"], "no package format has this ending"),
        (["a.apk", "b.apk", "--icon", "x.png"], "--icon goes with a single file"),
    ],
)
def test_bad_usage_is_said(words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("x")
    paths = [str(tmp_path / word) if "." in word and not word.startswith("x") else word for word in words]
    assert main(["inspect", *paths]) == ExitCode.USAGE
    assert said in capsys.readouterr().err


def test_people_see_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["inspect", str(make_ipa(tmp_path / "a.ipa", name="Weather"))])
    assert "name           Weather\n" in capsys.readouterr().out
