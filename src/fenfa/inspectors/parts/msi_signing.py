"""The Authenticode signature of an MSI, and the MSI's own digest. Source: osslsigncode's msi.c."""

import hashlib
from typing import Any

from fenfa.errors import FenfaError
from fenfa.inspectors.parts import authenticode
from fenfa.inspectors.parts.cfb import CompoundFile, Entry

SIGNATURE, _EXTENDED = "\x05DigitalSignature", "\x05MsiDigitalSignatureEx"
_MAX_DEPTH = 8


def read_signing(file: CompoundFile, warnings: list[str]) -> dict[str, Any] | None:
    """The MSI's `signing`; None for an unsigned one. A signature that cannot be read costs itself alone."""
    if SIGNATURE not in file.streams:
        return None
    try:
        data = file.read(SIGNATURE, authenticode.MAX_BYTES)
        return authenticode.describe(data, lambda algorithm: _digest(file, algorithm))
    except (LookupError, ValueError, FenfaError) as error:
        warnings.append(f"the signature cannot be read: {error}")
        return None


def _digest(file: CompoundFile, algorithm: str) -> bytes | None:
    """The hash of all streams, in the order of their stored names, and of each storage's class after them."""
    if _EXTENDED in file.streams:  # covers the directory's dates and flags too, which nothing here needs
        return None
    assert file.root is not None
    found = hashlib.new(algorithm, usedforsecurity=False)
    _hash_storage(file, file.root, found, 0)
    return found.digest()


def _hash_storage(file: CompoundFile, storage: Entry, found: "hashlib._Hash", depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise ValueError("its storages are nested too deeply")
    for entry in sorted(file.children(storage), key=lambda one: one.raw_name):
        if entry.name in (SIGNATURE, _EXTENDED) and depth == 0:
            continue
        if entry.is_stream:
            for piece in file.pieces(entry):
                found.update(piece)
        else:
            _hash_storage(file, entry, found, depth + 1)
    found.update(storage.class_id)
