"""SQLite is refused on disks that several machines share, by what Linux says of its mounts."""

from pathlib import Path

import pytest

from fenfa.db.shares import MOUNTS, refuse_share
from fenfa.errors import ConfigInvalid

LINES = """\
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw
30 22 0:40 / {folder} rw,relatime shared:9 master:2 - {kind} server:/export rw,vers=4.2
31 30 0:41 / {folder}/local rw - ext4 /dev/sdb1 rw
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "a disk"
    (made / "local" / "data").mkdir(parents=True)
    return made


def mounted(folder: Path, kind: str, more: str = "") -> Path:
    mounts = folder.parent / "mountinfo"
    mounts.write_text(LINES.format(folder=str(folder).replace(" ", "\\040"), kind=kind) + more)
    return mounts


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "ceph", "fuse.sshfs"])
def test_network_disks_are_refused(folder: Path, kind: str) -> None:
    for file in (folder / "fenfa.db", folder / "data" / "fenfa.db"):  # the folder need not be there yet
        with pytest.raises(ConfigInvalid, match=rf"network disk \({kind}\).*FENFA_DATABASE_URL"):
            refuse_share(file, mounted(folder, kind))


def test_the_nearest_mount_counts_and_the_last_one_at_a_place(folder: Path) -> None:
    mounts = mounted(folder, "nfs4")
    refuse_share(folder / "local" / "data" / "fenfa.db", mounts)
    refuse_share(folder.parent / "a disk more" / "fenfa.db", mounts)
    over = f"40 22 0:50 / {str(folder).replace(' ', chr(92) + '040')} rw - tmpfs none rw\n"
    refuse_share(folder / "fenfa.db", mounted(folder, "nfs4", over))


def test_a_link_to_a_network_disk_is_one(folder: Path) -> None:
    (folder.parent / "link").symlink_to(folder)
    with pytest.raises(ConfigInvalid):
        refuse_share(folder.parent / "link" / "fenfa.db", mounted(folder, "nfs4"))


def test_this_machines_own_disk_is_taken(tmp_path: Path) -> None:
    assert MOUNTS.exists()
    refuse_share(tmp_path / "fenfa.db")
    refuse_share(tmp_path / "fenfa.db", tmp_path / "no mounts here")
