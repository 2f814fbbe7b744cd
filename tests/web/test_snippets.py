"""Texts for CI: each is what its tool reads, and the command in it uploads to a real server."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from fenfa.vocabulary import FILE_TYPES, Platform
from fenfa.web.snippets import snippets
from tests.support.packages import make_apk, make_ipa
from tests.support.server import FenfaServer, fenfa_server

VARIANT = {"id": "var_x1", "platform": "android", "installer_type": "apk", "identifier": "com.example.app"}
NAMES = ["curl", "GitHub Actions", "GitLab CI", "fastlane", "Jenkins"]


def texts(base: str = "https://get.example.com", **fields: str) -> dict[str, str]:
    return {snippet.name: snippet.text for snippet in snippets(base, VARIANT | fields)}


def test_all_that_are_there() -> None:
    assert list(texts()) == NAMES
    assert "fastlane" not in texts(platform="linux", installer_type="deb")


@pytest.mark.parametrize("platform", Platform)
@pytest.mark.parametrize("typed", ["", "$(reboot)", 'x" && reboot #', "ipa", "tar.gz"])
def test_what_people_typed_never_stands_in_a_command(platform: Platform, typed: str) -> None:
    kind = typed if typed in FILE_TYPES[platform] else FILE_TYPES[platform][0]
    for text in texts(platform=platform, installer_type=typed, identifier="$(reboot)").values():
        assert "reboot" not in text
        assert f"@app.{kind}" in text or "FENFA_FILE" in text


def test_no_text_holds_a_token() -> None:
    for text in texts().values():
        assert re.findall(r"X-Auth-Token: (\S+?)\"", text) == ["$FENFA_TOKEN"]


# the commands inside


def command_in(name: str, text: str) -> str:
    """What the tool hands to the shell."""
    readers: dict[str, Any] = {
        "curl": lambda: text,
        "GitHub Actions": lambda: yaml.safe_load(text)[0]["run"],
        "GitLab CI": lambda: yaml.safe_load(text)["upload"]["script"][0],
        "fastlane": lambda: re.findall(r"sh\('([^']+)'\)", text)[0],
        "Jenkins": lambda: re.findall(r"sh '''(.+)'''", text, re.S)[0].replace("\\\\", "\\"),
    }
    return str(readers[name]())


def test_yaml_says_what_it_should() -> None:
    (step,) = yaml.safe_load(texts()["GitHub Actions"])
    assert step["env"] == {"FENFA_TOKEN": "${{ secrets.FENFA_TOKEN }}"}
    assert step["name"] == "Upload to Fenfa"
    job = yaml.safe_load(texts()["GitLab CI"])["upload"]
    assert (job["stage"], job["retry"], len(job["script"])) == ("deploy", 2, 1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FenfaServer]:
    with fenfa_server(tmp_path_factory.mktemp("snippets")) as started:
        yield started


@pytest.mark.journey
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("platform", ["android", "ios"])
def test_every_command_uploads(server: FenfaServer, tmp_path: Path, name: str, platform: str) -> None:
    make_apk(tmp_path / "app.apk")
    make_ipa(tmp_path / "app.ipa")
    variant = {"id": server.make_variant(platform), "platform": platform, "installer_type": ""}
    made = {snippet.name: snippet.text for snippet in snippets(server.url, variant)}
    ran = run(command_in(name, made[name]), tmp_path, platform)
    assert ran.returncode == 0, ran.stderr + ran.stdout
    assert f'"variant_id":"{variant["id"]}"' in ran.stdout.replace('": "', '":"')


@pytest.mark.journey
def test_a_refused_upload_fails_the_job(server: FenfaServer, tmp_path: Path) -> None:
    (tmp_path / "app.apk").write_bytes(b"not a package")
    variant = {"id": server.make_variant(), "platform": "android", "installer_type": "apk"}
    made = {snippet.name: snippet.text for snippet in snippets(server.url, variant)}
    ran = run(made["curl"], tmp_path, "android")
    assert ran.returncode != 0
    assert "BAD_PACKAGE" in ran.stdout


def run(command: str, folder: Path, platform: str) -> "subprocess.CompletedProcess[str]":
    given = {"FENFA_TOKEN": "dev-upload-token", "FENFA_FILE": {"android": "app.apk", "ios": "app.ipa"}[platform]}
    environ = {**os.environ, **given}
    shell = ["sh", "-e", "-c", command]
    return subprocess.run(shell, cwd=folder, env=environ, capture_output=True, text=True, timeout=30, check=False)
