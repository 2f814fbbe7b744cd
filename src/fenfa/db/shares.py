"""Disks that several machines share. SQLite's locks and its write-ahead log do not reach from one machine to another there, so two
servers would each believe to be alone, and damage the file."""

from pathlib import Path

from fenfa.errors import ConfigInvalid

_SHARED = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "afs", "lustre", "gpfs", "beegfs", "glusterfs"}
    | {f"fuse.{name}" for name in ("sshfs", "glusterfs", "ceph", "ceph-fuse", "s3fs", "rclone", "juicefs", "moosefs")}
)
MOUNTS = Path("/proc/self/mountinfo")


def refuse_share(file: Path, mounts: Path = MOUNTS) -> None:
    """`ConfigInvalid` where SQLite's file lies, or would, on a disk that machines share. `mounts` is as Linux's proc(5) describes
    `/proc/PID/mountinfo`; where there is none, nobody knows."""
    kind = _kind_of(file.absolute().parent, mounts.read_text()) if mounts.exists() else ""
    if kind in _SHARED:
        raise ConfigInvalid(
            f"{file}: is on a network disk ({kind}), where SQLite cannot keep a second machine out; "
            "set FENFA_DB_PATH to a local disk, or FENFA_DATABASE_URL to a PostgreSQL"
        )


def _kind_of(folder: Path, mounts: str) -> str:
    """The file system that the folder is on; of two mounted at one place, the later counts."""
    found = {_unescaped(line.split()[4]): line.partition(" - ")[2].split()[0] for line in mounts.splitlines()}
    resolved = folder.resolve()
    return next((found[str(place)] for place in (resolved, *resolved.parents) if str(place) in found), "")


def _unescaped(name: str) -> str:
    for escape, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        name = name.replace(escape, character)
    return name
