"""Proof of rotation: the chain of certificates by which an app changed its signing key, each signing the next.

Source: source.android.com "APK signature scheme v3" (proof-of-rotation structs).
"""

from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts.apk_block import Cursor
from fenfa.inspectors.parts.apk_certificates import take_apart
from fenfa.inspectors.parts.apk_keys import ALGORITHMS, verify

_MAX_LINKS = 50
_CAPABILITIES = {1: "installed data", 2: "shared UID", 4: "permission", 8: "rollback", 16: "auth"}


class Link(NamedTuple):
    """One certificate, and what its holder may still do after the rotation."""

    certificate: bytes
    capabilities: list[str]


def read_lineage(value: bytes) -> list[Link]:
    """The links, oldest first, verified. Raises BadPackage for a chain that does not hold."""
    outer = Cursor(value)
    if outer.number() != 1:
        raise BadPackage("its lineage is of a version that is not known")
    links: list[Link] = []
    previous: tuple[bytes, int] | None = None  # the last certificate's public key, and the algorithm that it signs with
    while outer.left:
        node = Cursor(outer.prefixed())
        signed_data = node.prefixed()
        flags, algorithm = node.number(), node.number()
        signature = node.prefixed()
        signed = Cursor(signed_data)
        certificate, stated = signed.prefixed(), signed.number()
        if previous is not None:
            key, expected = previous
            if expected not in ALGORITHMS or stated != expected:
                raise BadPackage("its lineage names an algorithm that is not known, or two that differ")
            if not verify(key, ALGORITHMS[expected][0], signature, signed_data):
                raise BadPackage("a signature in its lineage is wrong")
        links.append(Link(certificate, [name for bit, name in _CAPABILITIES.items() if flags & bit]))
        previous = (take_apart(certificate).public_key, algorithm)
        if len(links) > _MAX_LINKS:
            raise BadPackage("its lineage is too long")
    if not links or len({link.certificate for link in links}) != len(links):
        raise BadPackage("its lineage is empty, or names a certificate twice")
    return links
