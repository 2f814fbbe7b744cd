"""What an inspector takes and gives.

An inspector reads one package format. It gets a path, of which it does no more than open it for reading, and gives a
`PackageInfo`, or raises `BadPackage` with a sentence for people. It has not heard of SQL or HTTP, opens nothing but that path,
and runs in a child process with limits (`fenfa.inspectors.sandbox`), so it may be killed at any moment.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

from fenfa.vocabulary import Platform


@dataclass(frozen=True)
class PackageInfo:
    """What a package says of itself. Empty string, None or an empty list: the package does not say.

    `min_os` is a bare version (`15.0`; for Android the API level, `21`, or the codename of a preview), `build` is a decimal
    string (iOS CFBundleVersion, Android versionCode), `icon_png` a plain PNG of at most 1024 px a side. `facts` holds what
    only some formats have (`target_sdk`, `permissions`, `device_family` …), JSON values only.
    """

    format: str
    platform: Platform | None
    identifier: str = ""
    name: str = ""
    version: str = ""
    build: str = ""
    min_os: str = ""
    arch: list[str] = field(default_factory=list)
    icon_png: bytes | None = None
    provisioning_profile: dict[str, Any] | None = None
    signing: dict[str, Any] | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


class Distant(Protocol):
    """A package that is no file on this machine."""

    @property
    def size(self) -> int:
        """In bytes."""

    def read(self, start: int, count: int) -> bytes:
        """`count` bytes from `start`; whatever it raises ends the reading, and reaches whoever asked for it."""


@dataclass(frozen=True)
class Inspector:
    """One format: the endings of file names that claim it, and the module whose `inspect(path)` reads it.

    The module is named, not imported: only the child process that reads the file imports it. `reads` and `leaves` say for
    the reference what comes out and what does not.
    """

    format: str
    file_types: tuple[str, ...]
    module: str
    reads: str
    leaves: str
