"""The Authenticode signature inside a Windows program, and the program's own digest."""

import hashlib
from typing import Any

from fenfa.errors import FenfaError
from fenfa.inspectors.parts import authenticode, pe

_MAX_HASHED = 2 << 30
_PIECE = 1 << 20
_PKCS = 2


def read_signing(program: pe.Program, warnings: list[str]) -> dict[str, Any] | None:
    """The program's `signing`; None for an unsigned one. A signature that cannot be read costs itself alone."""
    place, size = program.directory(pe.CERTIFICATES)
    if not place or not size:
        return None
    try:
        entry = program.source.at(place, 8)
        length = int.from_bytes(entry[:4], "little")
        if int.from_bytes(entry[6:8], "little") != _PKCS or not 8 < length <= authenticode.MAX_BYTES:
            raise ValueError("its kind is not known")
        data = program.source.at(place + 8, length - 8)
        return authenticode.describe(data, lambda algorithm: _digest(program, algorithm, place, size))
    except (LookupError, ValueError, FenfaError) as error:
        warnings.append(f"the signature cannot be read: {error}")
        return None


def _digest(program: pe.Program, algorithm: str, certificates: int, size: int) -> bytes | None:
    """The hash of everything but the checksum, the pointer to the signature, and the signature."""
    if program.source.size > _MAX_HASHED:
        return None
    checksum = program.optional_offset + 64
    pointer = program.optional_offset + program.directories_offset + 8 * pe.CERTIFICATES
    stretches = (
        (0, checksum),
        (checksum + 4, pointer),
        (pointer + 8, certificates),
        (certificates + size, program.source.size),
    )
    found = hashlib.new(algorithm, usedforsecurity=False)
    for start, end in stretches:
        for place in range(start, end, _PIECE):
            found.update(program.source.upto(place, min(_PIECE, end - place)))
    return found.digest()
