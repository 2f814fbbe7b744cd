"""`fenfa udid inspect`."""

import json
from pathlib import Path

import pytest

from fenfa.cli import main
from fenfa.cli.serve import _warn
from fenfa.config import Config
from tests.support.device_ca import UDID, Reply, answer, authority, device


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    file = tmp_path / "reply.p7"
    file.write_bytes(Reply(answer("a challenge"), (device(),), extra=(authority(),)).encode())
    return file


def test_chain_and_attributes(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["udid", "inspect", str(saved)]) == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert lines[0] == "verified       no: its signer is a stranger to Apple's authority"
    assert lines[1] == "signature      fits (sha256, with signed attributes)"
    assert "signer         Common Name: 9E01AD5B-75A0-457C-A236-EE503C7225CE" in lines
    assert "  key          rsa 1024" in lines
    assert "  signed_with  sha1_rsa" in lines
    assert any(line.startswith("certificate    Common Name: Apple iPhone Device CA") for line in lines)
    assert f"UDID           {UDID}" in lines
    assert "PRODUCT        iPhone17,1" in lines


def test_json(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["udid", "inspect", str(saved), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["is_verified"], said["digest"], said["has_attributes"]) == (False, "sha256", True)
    assert said["attributes"]["UDID"] == UDID
    assert said["signer"]["serial"] == "10b483239bd61d6905a"
    assert [one["not_after"] for one in said["others"]] == ["2014-04-16T00:00:00+00:00"]


def test_what_no_server_would_take(saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved.write_bytes(saved.read_bytes()[:-1])
    assert main(["udid", "inspect", str(saved)]) == 3
    assert capsys.readouterr().err == "error: the reply is damaged: its signed data cannot be read\n"


def test_no_such_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["udid", "inspect", str(tmp_path / "none")]) == 2
    assert "no such file" in capsys.readouterr().err


def test_nothing_steers_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = answer("a challenge", **{"A\x7f\u202eB": "x", "C": "\u202e"})
    (tmp_path / "reply").write_bytes(Reply(content).encode())
    assert main(["udid", "inspect", str(tmp_path / "reply")]) == 0
    said = capsys.readouterr().out
    assert said.replace("\n", "").isprintable()


def test_the_start_says_that_profiles_are_not_signed(capsys: pytest.CaptureFixture[str]) -> None:
    _warn(Config(udid_sign_cert="/nowhere/chain.pem"))
    said = "warning: signing profiles: certificate and key go together, and one of them is not named\n"
    assert said in capsys.readouterr().err
    _warn(Config())
    assert "signing" not in capsys.readouterr().err
