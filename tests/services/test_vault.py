"""The installation's secret: made once, readable by its owner alone, and the keys that come from it."""

import multiprocessing
import stat
from pathlib import Path

import pytest

from fenfa.errors import ConfigInvalid, SecretLost
from fenfa.services.vault import add_sealing_key, drop_old_keys, open_keys, seal, unseal


def test_secret_is_made_once(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    keys = open_keys(file)
    assert keys == open_keys(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len({keys.pepper, keys.visitors, *keys.sealing}) == 3
    assert file.read_text() not in repr([key.hex() for key in (keys.pepper, keys.visitors, *keys.sealing)])
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_two_installations_differ(tmp_path: Path) -> None:
    assert open_keys(tmp_path / "one").pepper != open_keys(tmp_path / "two").pepper


def test_a_secret_of_the_environment_needs_no_file(tmp_path: Path) -> None:
    keys = open_keys(tmp_path / "secret.key", "AB" * 32)
    (tmp_path / "other.key").write_text("ab" * 32)
    other = open_keys(tmp_path / "other.key")
    assert (keys.pepper, keys.visitors, keys.sealing) == (other.pepper, other.visitors, other.sealing)
    assert not (tmp_path / "secret.key").exists()
    newer = open_keys(tmp_path / "secret.key", f"{'ab' * 32}, {'cd' * 32}")
    assert newer.pepper == keys.pepper
    assert unseal(newer, "name", seal(keys, "name", "text")) == "text"
    with pytest.raises(SecretLost):
        unseal(keys, "name", seal(newer, "name", "text"))


@pytest.mark.parametrize("content", ["", "ab", "not hexadecimal", "é", "00" * 31, "00" * 33, "00" * 32 + "\nab"])
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


@pytest.mark.parametrize("sealed", ["", ":", "x", "é", "00000000:AAAA", "AAAA"])
def test_what_was_never_sealed_is_lost(tmp_path: Path, sealed: str) -> None:
    with pytest.raises(SecretLost):
        unseal(open_keys(tmp_path / "secret.key"), "name", sealed)


def test_it_opens_under_its_own_name_and_with_its_own_key_alone(tmp_path: Path) -> None:
    keys = open_keys(tmp_path / "secret.key")
    sealed = seal(keys, "name", "text")
    assert seal(keys, "name", "text") != sealed
    for other, name in ((keys, "other"), (open_keys(tmp_path / "another"), "name")):
        with pytest.raises(SecretLost):
            unseal(other, name, sealed)


def test_texts_of_the_first_versions_open(tmp_path: Path) -> None:
    keys = open_keys(tmp_path / "secret.key")
    assert unseal(keys, "name", seal(keys, "name", "text").partition(":")[2]) == "text"


def test_a_new_key_is_used_at_once_and_by_those_who_run_already(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    running = open_keys(file)
    first = seal(running, "name", "text")
    keys = add_sealing_key(file)
    second = seal(running, "name", "text")
    assert first.partition(":")[0] != second.partition(":")[0]
    assert keys.pepper == running.pepper
    assert [unseal(running, "name", sealed) for sealed in (first, second)] == ["text", "text"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secret.key"]


def test_old_keys_are_dropped_but_for_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "secret.key"
    keys = open_keys(file)
    sealed = []
    for _ in range(4):
        add_sealing_key(file)
        sealed.append(seal(keys, "name", "text"))
    drop_old_keys(file)
    assert len(file.read_text().split()) == 3
    assert [unseal(keys, "name", one) for one in sealed[2:]] == ["text", "text"]
    for one in sealed[:2]:
        with pytest.raises(SecretLost):
            unseal(keys, "name", one)
