"""The installation's secret: made once, readable by its owner alone, and the keys that come from it."""

import multiprocessing
import stat
from pathlib import Path

import pytest

from fenfa.errors import ConfigInvalid
from fenfa.services.vault import open_keys, seal, unseal


def test_secret_is_made_once(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    keys = open_keys(file)
    assert keys == open_keys(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len({keys.pepper, keys.visitors, keys.sealing}) == 3
    assert file.read_text() not in repr([key.hex() for key in (keys.pepper, keys.visitors, keys.sealing)])
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_two_installations_differ(tmp_path: Path) -> None:
    assert open_keys(tmp_path / "one") != open_keys(tmp_path / "two")


@pytest.mark.parametrize("content", ["", "ab", "not hexadecimal", "é", "00" * 31, "00" * 33])
def test_broken_secret_stops_the_start(tmp_path: Path, content: str) -> None:
    file = tmp_path / "secret.key"
    file.write_text(content)
    with pytest.raises(ConfigInvalid, match="restore it from a backup"):
        open_keys(file)
    assert file.read_text() == content


def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        keys = pool.map(open_keys, [tmp_path / "secret.key"] * 8, chunksize=1)
    assert len({key.pepper for key in keys}) == 1


@pytest.mark.parametrize("text", ["", "secret", "ü" * 1000])
def test_sealed_text_opens(tmp_path: Path, text: str) -> None:
    keys = open_keys(tmp_path / "secret.key")
    assert unseal(keys, "name", seal(keys, "name", text)) == text
