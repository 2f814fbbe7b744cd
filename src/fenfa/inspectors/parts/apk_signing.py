"""An APK's signing: every certificate in the file, and whether the signatures verify, as the installers of the Android versions
that the app is for would judge it.

Source: source.android.com "APK signing"; the verdicts are compared with apksigner's in the tests.
"""

from typing import Any, NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import apk_block, apk_digests, apk_jar, apk_schemes
from fenfa.inspectors.parts.apk_block import Block
from fenfa.inspectors.parts.apk_certificates import described
from fenfa.inspectors.parts.apk_schemes import Outcome
from fenfa.inspectors.parts.zipsafe import Archive

MIB = 1 << 20
_MAX_CERTIFICATES = 100
_MAX_ERRORS, _MAX_ERROR = 20, 300
_TOO_LARGE = "the contents are too large to compare with the signature while a file is received"
_V2_SDK, _V3_SDK = 24, 28
_V2_TARGET = 30  # apps for this level must have a scheme newer than v1


class Limits(NamedTuple):
    """How many bytes are hashed at most: of the file for v2 and newer, of its unpacked entries for v1. None: all."""

    file: int | None = 64 * MIB
    entries: int | None = 32 * MIB


class Levels(NamedTuple):
    """The SDK levels that the app names; `sandbox` is its targetSandboxVersion."""

    minimum: int = 1
    target: int = 1
    sandbox: int = 1


def read_signing(archive: Archive, levels: Levels, limits: Limits) -> dict[str, Any] | None:
    """None for an unsigned package, else

    * `verified`: true, false, or null when the contents are too large to be hashed here;
    * `schemes`: verdicts by scheme; null for one that no Android the app is for looks at, or that was not hashed;
    * `certificates`: `{"sha256", "name", "subject", "not_before", "not_after", "schemes"}`, each once, verified or not;
    * `signers`: the SHA-256 of the certificates that signed, where verified, newest first;
    * `lineage`: the certificates before and with the present one, oldest first, with `capabilities`;
    * `only_for_min_sdk`: the level from which it verifies, where that is above the app's own minimum;
    * `errors`: why it does not verify, or what was left out.
    """
    block = apk_block.read_block(archive)
    stored = _stored(archive, block)
    if not stored:
        return None
    level = _lowest_level(stored, levels.minimum)
    outcomes = _verify(archive, block, set(stored), level, limits)
    errors = _faults(archive, block, outcomes, level, levels)
    verified = False if errors else None if None in [one.verified for one in outcomes.values()] else True
    answer: dict[str, Any] = {
        "verified": verified,
        "schemes": {scheme: outcomes[scheme].verified if scheme in outcomes else None for scheme in sorted(stored)},
        "certificates": _listed(stored, outcomes),
        "signers": [] if errors else _signers(outcomes),
        "lineage": _lineage(outcomes),
        "errors": [error[:_MAX_ERROR] for error in errors[:_MAX_ERRORS]] or ([_TOO_LARGE] if verified is None else []),
    }
    return answer | ({"only_for_min_sdk": level} if level > levels.minimum and not errors else {})


def read_jar_signing(archive: Archive, limits: Limits = Limits()) -> dict[str, Any] | None:  # noqa: B008 -- immutable
    """The same for a package that is signed as a JAR alone, as app bundles are."""
    if not apk_jar.block_names(archive):
        return None
    stored = {"v1": apk_jar.stored_certificates(archive)}
    outcome = apk_jar.verify_jar(archive, {"v2", "v3"}, _V2_SDK, limits.entries)
    return {
        "verified": outcome.verified,
        "schemes": {"v1": outcome.verified},
        "certificates": _listed(stored, {"v1": outcome}),
        "signers": _signers({"v1": outcome}) if outcome.verified else [],
        "lineage": [],
        "errors": [error[:_MAX_ERROR] for error in outcome.errors]
        or ([_TOO_LARGE] if outcome.verified is None else []),
    }


def _stored(archive: Archive, block: Block | None) -> dict[str, list[bytes]]:
    """The certificates in the file by scheme, nothing verified."""
    found: dict[str, list[bytes]] = {}
    if apk_jar.block_names(archive):
        found["v1"] = apk_jar.stored_certificates(archive)
    for identifier, value in block.pairs if block else []:
        scheme = apk_block.SCHEMES.get(identifier)
        if scheme:
            found.setdefault(scheme, []).extend(apk_block.stored_certificates(scheme, value))
    return found


def _lowest_level(stored: dict[str, list[bytes]], minimum: int) -> int:
    """An app without the older schemes' signatures can be installed from the level on that knows the one it has."""
    if "v1" in stored or minimum >= _V3_SDK:
        return minimum
    return max(minimum, _V2_SDK if "v2" in stored else _V3_SDK)


def _verify(archive: Archive, block: Block | None, stored: set[str], level: int, limits: Limits) -> dict[str, Outcome]:
    """The outcomes of the schemes that some Android from this level on looks at."""
    outcomes: dict[str, Outcome] = {}
    visible = _visible_pairs(block)
    digests: dict[str, bytes | None] = {}

    def contents(kind: str) -> bytes | None:
        assert block is not None
        if kind not in digests:
            fits = limits.file is None or apk_digests.digested_bytes(archive, block) <= limits.file
            digests[kind] = apk_digests.contents_digest(archive, block, kind) if fits else None
        return digests[kind]

    for scheme in ("v3.1", "v3", "v2"):
        if scheme in visible and not (scheme == "v2" and level >= _V3_SDK and "v3" in visible):
            outcomes[scheme] = _verify_pair(scheme, visible, contents)
    if (level < _V2_SDK or not outcomes) and ("v1" in stored or not outcomes):
        outcomes["v1"] = apk_jar.verify_jar(archive, set(visible), level, limits.entries)
    return outcomes


def _visible_pairs(block: Block | None) -> dict[str, bytes]:
    """The first pair of each scheme; Android sees none of a block that is out of place."""
    if block is None or block.fault:
        return {}
    found: dict[str, bytes] = {}
    for identifier, value in block.pairs:
        if identifier in apk_block.SCHEMES:
            found.setdefault(apk_block.SCHEMES[identifier], value)
    return found


def _verify_pair(scheme: str, visible: dict[str, bytes], contents: apk_schemes.ContentsDigest) -> Outcome:
    try:
        signers = apk_block.read_signers(scheme, visible[scheme])
    except BadPackage as error:
        return Outcome(False, [], [], [f"{scheme}: {error}"])
    return apk_schemes.verify_scheme(scheme, signers, set(visible), contents)


def _faults(
    archive: Archive, block: Block | None, outcomes: dict[str, Outcome], level: int, levels: Levels
) -> list[str]:
    """Why the package does not verify."""
    errors = [block.fault] if block and block.fault else []
    errors += [error for outcome in outcomes.values() for error in outcome.errors]
    newer = [scheme for scheme in outcomes if scheme != "v1"]
    if level < _V2_SDK and "v1" not in outcomes:
        errors.append("v1: no JAR signature, which Android below API level 24 needs")
    if levels.target >= _V2_TARGET and not newer:
        errors.append(f"apps for API level {_V2_TARGET} and newer need a signature of scheme v2 or newer")
    if levels.sandbox > 1 and not newer:
        errors.append(f"an app for sandbox version {levels.sandbox} needs a signature of scheme v2 or newer")
    return errors or _contradictions(outcomes)


def _contradictions(outcomes: dict[str, Outcome]) -> list[str]:
    """Schemes that verify one by one but name signers that do not belong together."""
    first, second = outcomes.get("v1"), outcomes.get("v2")
    if first and second and set(first.certificates) != set(second.certificates):
        return ["the schemes v1 and v2 are signed with different certificates"]
    newest, older = outcomes.get("v3"), second or first
    if newest is None or older is None:
        return []
    if len(older.certificates) != 1:
        return ["an app with a v3 signature can have only one older signer"]
    oldest = newest.lineage[0].certificate if newest.lineage else newest.certificates[0]
    return [] if older.certificates[0] == oldest else ["the v3 signer's lineage does not begin with the older signer"]


def _signers(outcomes: dict[str, Outcome]) -> list[str]:
    """The certificates that Android would take for the app's, newest scheme first."""
    newest = next((scheme for scheme in ("v3", "v2", "v1") if scheme in outcomes), None)
    named = [one for scheme in ("v3.1", newest) if scheme in outcomes for one in outcomes[scheme].certificates]
    return [described(data)["sha256"] for data in dict.fromkeys(named)]


def _listed(stored: dict[str, list[bytes]], outcomes: dict[str, Outcome]) -> list[dict[str, Any]]:
    """Every certificate once, with the schemes that carry it; those that signed come first."""
    carriers: dict[bytes, list[str]] = {}
    signing = {one for outcome in outcomes.values() for one in outcome.certificates}
    for scheme, certificates in sorted(stored.items()):
        for certificate in sorted(dict.fromkeys(certificates), key=lambda one: one not in signing):
            carriers.setdefault(certificate, []).append(scheme)
    return [described(data) | {"schemes": schemes} for data, schemes in list(carriers.items())[:_MAX_CERTIFICATES]]


def _lineage(outcomes: dict[str, Outcome]) -> list[dict[str, Any]]:
    links = max((outcome.lineage for outcome in outcomes.values()), key=len, default=[])
    return [described(link.certificate) | {"capabilities": link.capabilities} for link in links]
