"""Verifies the signature schemes v2, v3 and v3.1 of an APK: signatures, certificates, SDK ranges, lineage, digests.

Source: source.android.com "APK signature scheme v2", "v3" and "v3.1"; the rules of Android's own verifier.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import apk_lineage
from fenfa.inspectors.parts.apk_block import Signer
from fenfa.inspectors.parts.apk_certificates import take_apart
from fenfa.inspectors.parts.apk_keys import ALGORITHMS, VERITY, verify

_STRENGTH = {"sha256": 0, "sha512": 1, VERITY: 2}
_STRIPPING = 0xBEEFF00D  # in v2: the number of a newer scheme that signed too
_LINEAGE = 0x3BA06F8C
_ROTATION_SDK = 0x559F8B02  # in v3: the SDK level from which a v3.1 block counts
_FIRST_SDK = {"v2": 24, "v3": 28, "v3.1": 33}
_LAST_SDK = 0x7FFFFFFF
ContentsDigest = Callable[[str], bytes | None]


class Outcome(NamedTuple):
    """What verifying one scheme gave: its signers' certificates, the newest last; None: too large to digest."""

    verified: bool | None
    certificates: list[bytes]
    lineage: list[apk_lineage.Link]
    errors: list[str]


def verify_scheme(scheme: str, signers: list[Signer], schemes: set[str], digest: ContentsDigest) -> Outcome:
    """Verifies all signers of one scheme. `schemes` are all that the block holds; `digest` gives the contents' digests."""
    errors, unknown = [], False
    lineages: list[list[apk_lineage.Link]] = []
    for number, signer in enumerate(signers, 1):
        try:
            unknown |= not _verify_signer(scheme, signer, schemes, digest)
            lineages.append(_lineage(scheme, signer))
        except (BadPackage, IndexError) as error:
            errors.append(f"{scheme} signer {number}: {error}")
    if not signers:
        errors.append(f"{scheme}: there are no signers")
    if scheme != "v2" and not errors:
        errors += _range_faults(scheme, signers, schemes)
    ordered = sorted(signers, key=lambda signer: signer.min_sdk)
    certificates = [signer.certificates[0] for signer in ordered if signer.certificates]
    lineage = max(lineages, key=len, default=[])
    return Outcome(False if errors else None if unknown else True, certificates, lineage, errors)


def _verify_signer(scheme: str, signer: Signer, schemes: set[str], digest: ContentsDigest) -> bool:
    """Raises BadPackage for what is wrong; False when only the contents were too large to digest."""
    for fault in signer.faults:
        raise BadPackage(fault)
    chosen = _chosen(signer)
    for number, signature in chosen:
        if not verify(signer.public_key, ALGORITHMS[number][0], signature, signer.signed_data):
            raise BadPackage(f"the {ALGORITHMS[number][0]} signature is wrong")
    if not signer.certificates:
        raise BadPackage("no certificates")
    if take_apart(signer.certificates[0]).public_key != signer.public_key:
        raise BadPackage("the public key is not that of the certificate")
    if [number for number, _ in signer.digests] != [number for number, _ in signer.signatures]:
        raise BadPackage("its signatures and its digests are of different algorithms")
    _check_attributes(scheme, signer, schemes)
    return _check_digests(signer, [number for number, _ in chosen], digest)


def _chosen(signer: Signer) -> list[tuple[int, bytes]]:
    """The signatures that some Android would look at: the strongest, with and without a hash tree."""
    if not signer.signatures:
        raise BadPackage("no signatures")
    known = [pair for pair in signer.signatures if pair[0] in ALGORITHMS]
    if not known:
        raise BadPackage("no signature of an algorithm that is supported")
    by_kind = {ALGORITHMS[number][1]: (number, signature) for number, signature in reversed(known)}
    plain = [by_kind[kind] for kind in sorted(by_kind, key=lambda kind: _STRENGTH[kind]) if kind != VERITY]
    return plain[-1:] + ([by_kind[VERITY]] if VERITY in by_kind else [])


def _check_attributes(scheme: str, signer: Signer, schemes: set[str]) -> None:
    for identifier, value in signer.attributes:
        number = int.from_bytes(value[:4], "little")
        if scheme == "v2" and identifier == _STRIPPING and number == 3 and "v3" not in schemes:
            raise BadPackage("it says that a v3 signature exists, but there is none: was it stripped?")
        if scheme == "v3" and identifier == _ROTATION_SDK and "v3.1" not in schemes:
            raise BadPackage("it says that a v3.1 signature exists, but there is none: was it stripped?")


def _check_digests(signer: Signer, numbers: list[int], digest: ContentsDigest) -> bool:
    stated = dict(signer.digests)
    complete = True
    for number in numbers:
        actual = digest(ALGORITHMS[number][1])
        if actual is None:
            complete = False
        elif actual != stated[number]:
            raise BadPackage(f"the contents were changed: their {ALGORITHMS[number][1]} digest is another one")
    return complete


def _lineage(scheme: str, signer: Signer) -> list[apk_lineage.Link]:
    """The proof of rotation, verified; its last certificate must be the signer's own."""
    proofs = [] if scheme == "v2" else [value for identifier, value in signer.attributes if identifier == _LINEAGE]
    if not proofs:
        return []
    links = apk_lineage.read_lineage(proofs[0])
    if links[-1].certificate != signer.certificates[0]:
        raise BadPackage("its lineage ends with another certificate")
    return links


def _range_faults(scheme: str, signers: list[Signer], schemes: set[str]) -> list[str]:
    """From v3 on each signer is for a range of SDK levels; together they must leave no gap."""
    ordered = sorted(signers, key=lambda signer: signer.min_sdk)
    gaps = any(after.min_sdk != before.max_sdk + 1 for before, after in itertools.pairwise(ordered))
    if gaps or any(signer.min_sdk > signer.max_sdk for signer in signers):
        return [f"{scheme}: the signers' SDK ranges have gaps or overlap"]
    if ordered[-1].max_sdk != _LAST_SDK and not (scheme == "v3" and "v3.1" in schemes):
        return [f"{scheme}: no signer is for the newest SDK levels"]
    return []


def first_sdk(scheme: str) -> int:
    """The first SDK level that looks at this scheme."""
    return _FIRST_SDK.get(scheme, 1)
