"""The signature of an MSIX or APPX, and whether it is about this package. Source: Microsoft's [MS-APPX] and osslsigncode.

AppxSignature.p7x is `PKCX` before a CMS signature over digests: of the packed files (AXPC), the zip's directory (AXCD), the
content types (AXCT) and the block map (AXBM). The last two are compared; the block map in turn has the digests of all files.
"""

import hashlib
from typing import Any

from fenfa.errors import FenfaError
from fenfa.inspectors.parts import authenticode
from fenfa.inspectors.parts.zipsafe import Archive

SIGNATURE = "AppxSignature.p7x"
_MAX_PART = 64 << 20
_COVERED = {b"AXCT": "[Content_Types].xml", b"AXBM": "AppxBlockMap.xml"}
_SIZES = {"sha256": 32, "sha384": 48, "sha512": 64}


def read_signing(archive: Archive, publisher: str, warnings: list[str]) -> dict[str, Any] | None:
    """The package's `signing`; None for an unsigned one. A signature that cannot be read costs itself alone."""
    if SIGNATURE not in archive:
        return None
    try:
        data = archive.read(SIGNATURE, authenticode.MAX_BYTES)
        if not data.startswith(b"PKCX"):
            raise ValueError("it does not begin as one")
        signing = authenticode.describe(data[4:], lambda _: None)
        signing["digest_matches"] = _matches(archive, signing)
    except (LookupError, ValueError, FenfaError) as error:
        warnings.append(f"the signature cannot be read: {error}")
        return None
    if not _same_name(signing["subject"], publisher):
        warnings.append("the publisher in the manifest is not the one who signed: Windows refuses such a package")
    return signing


def _matches(archive: Archive, signing: dict[str, Any]) -> bool | None:
    """Whether the digests of block map and content types are those of the files; None when there are none to compare."""
    algorithm, digests = signing["digest_algorithm"], bytes.fromhex(signing["digest"])
    size = _SIZES.get(algorithm, 0)
    if not size or not digests.startswith(b"APPX"):
        return None
    parts = {digests[place : place + 4]: digests[place + 4 :][:size] for place in range(4, len(digests), 4 + size)}
    found = [
        hashlib.new(algorithm, archive.read(name, _MAX_PART)).digest() == parts[mark]
        for mark, name in _COVERED.items()
        if mark in parts and name in archive
    ]
    return all(found) if found else None


def _same_name(subject: str, publisher: str) -> bool:
    return _parts(subject) == _parts(publisher)


def _parts(name: str) -> list[str]:
    """A distinguished name's parts, however they are ordered and spaced; states have two abbreviations."""
    pieces = name.replace('"', "").split(",")
    return sorted("S=" + part[3:] if part.startswith("ST=") else part for part in (piece.strip() for piece in pieces))
