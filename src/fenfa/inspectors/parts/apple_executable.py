"""An Apple bundle's executable: its processors, and what its code signature says."""

from dataclasses import dataclass, field
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import codesign, macho
from fenfa.inspectors.parts.bundle import Bundle

MAX_UNPACKED = 24 << 20  # a packed executable must be unpacked up to its signature; a longer one keeps it to itself


@dataclass(frozen=True)
class Executable:
    """`slices` as `macho.read_slices` gives them, `signing` None where the signature is missing or out of reach."""

    slices: list[dict[str, Any]] = field(default_factory=list)
    signing: dict[str, Any] | None = None
    entitlements: dict[str, Any] = field(default_factory=dict)

    @property
    def arch(self) -> list[str]:
        return list(dict.fromkeys(macho.arch_name(piece) for piece in self.slices))


def read_executable(bundle: Bundle, file: str) -> Executable:
    """Reads the file of this path in the bundle; one that is no Mach-O has no slices, one that is broken gives a warning."""
    try:
        return _read(bundle, file)
    except BadPackage as error:
        bundle.warnings.append(f"the executable cannot be read: {error}")
        return Executable()


def _read(bundle: Bundle, file: str) -> Executable:
    head = bundle.head(file, macho.HEAD_BYTES)
    place = macho.signature_place(head)
    far = macho.far_slices(head)
    wanted = [(offset, macho.COMMAND_BYTES) for offset in far]
    if place is not None and place[1] <= codesign.MAX_BYTES:
        wanted.append(place)
    wanted = [one for one in wanted if sum(one) <= MAX_UNPACKED or bundle.is_seekable]
    pieces = dict(zip(wanted, bundle.ranges(file, wanted) if wanted else [], strict=True))
    slices = macho.read_slices(head, {offset: data for (offset, _), data in pieces.items() if offset in far})
    signing, entitlements = codesign.read_signature(pieces.get(place, b"") if place else b"")
    return Executable(slices, signing or None, entitlements)
