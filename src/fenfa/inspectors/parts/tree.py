"""Looking files up by their path in a file system image. Links are followed inside the image; those that lead out lead nowhere."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Generic, Protocol, TypeVar

from fenfa.errors import BadPackage

_MAX_LINKS = 16
_MAX_DEPTH = 32


class Node(Protocol):
    """A file, a folder, or a symbolic link if `target` is not empty."""

    @property
    def is_folder(self) -> bool: ...
    @property
    def is_file(self) -> bool: ...
    @property
    def target(self) -> str: ...
    @property
    def size(self) -> int: ...


N = TypeVar("N", bound=Node)


class Tree(ABC, Generic[N]):
    """`read(path, limit)` gives a file's bytes, `names(folder)` what a folder holds."""

    codec: str

    @property
    @abstractmethod
    def root(self) -> N: ...

    @abstractmethod
    def children(self, folder: N) -> Mapping[str, "N | int"]:
        """What a folder holds by name; numbers are resolved by `node`."""

    @abstractmethod
    def node(self, child: "N | int") -> N: ...

    @abstractmethod
    def content(self, file: N) -> bytes: ...

    def names(self, folder: str = "") -> list[str]:
        found = self.find(folder)
        return sorted(self.children(found)) if found and found.is_folder else []

    def __contains__(self, path: str) -> bool:
        found = self.find(path)
        return found is not None and found.is_file

    def read(self, path: str, limit: int) -> bytes:
        """The bytes of a file, links followed, at most `limit`."""
        found = self.find(path)
        if found is None or not found.is_file:
            raise BadPackage("a file that the AppImage names is missing in it")
        if found.size > limit:
            raise BadPackage(f"a file in the AppImage is larger than {limit:,} bytes")
        data = self.content(found)
        if len(data) > limit:
            raise BadPackage(f"a file in the AppImage is larger than {limit:,} bytes")
        return data

    def find(self, path: str) -> N | None:
        parts, trail, links = path.split("/"), [self.root], 0
        while parts:
            part = parts.pop(0)
            if part in ("", "."):
                continue
            if part == "..":
                trail.pop()
                if not trail:
                    return None
                continue
            child = self.children(trail[-1]).get(part) if trail[-1].is_folder and len(trail) < _MAX_DEPTH else None
            if child is None:
                return None
            found = self.node(child)
            if found.target:
                links += 1
                if links > _MAX_LINKS or found.target.startswith("/"):
                    return None
                parts = found.target.split("/") + parts
            else:
                trail.append(found)
        return trail[-1]
