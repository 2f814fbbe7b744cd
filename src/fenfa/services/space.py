"""How much room the stored files take, and how much is left."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, select

from fenfa.db.tables import releases
from fenfa.storage.base import reserve_of

_GIB = 1024**3
_MORE = 5  # builds as large as the largest that must fit, or the disk counts as full soon


@dataclass(frozen=True)
class Space:
    """In bytes. `stored` counts equal files once, as the disk does; `total` and `free` are of the disk, whoever fills it, and
    `reserve` is what uploads leave of it."""

    files: int
    stored: int
    largest: int
    total: int
    free: int
    reserve: int

    @property
    def room(self) -> int:
        """What uploads may still take."""
        return max(0, self.free - self.reserve)

    @property
    def is_low(self) -> bool:
        return self.room < max(_GIB, _MORE * self.largest)


def measure_space(connection: Connection, folder: Path, floor: int) -> Space:
    """`folder` is on the disk of the files; `floor` is what uploads must leave free, see `fenfa.storage.base.reserve_of`."""
    each = select(func.count().label("files"), func.max(releases.c.size_bytes).label("size"))
    alike = each.group_by(releases.c.storage, releases.c.sha256).subquery()
    counted = connection.execute(select(func.sum(alike.c.files), func.sum(alike.c.size), func.max(alike.c.size))).one()
    files, stored, largest = (int(value or 0) for value in counted)
    disk = shutil.disk_usage(folder)
    return Space(files, stored, largest, disk.total, disk.free, reserve_of(disk.total, floor))
