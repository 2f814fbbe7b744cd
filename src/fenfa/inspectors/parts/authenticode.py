"""Authenticode: who signed a Windows file, and whether the digest in the signature is the file's.

The certificate chain is not judged: that needs Windows' own list of roots. What is told is what the file carries, and whether
it holds together: the digest of the file, the digest of what was signed, and for RSA the signature itself.
Source: Microsoft's "Windows Authenticode Portable Executable Signature Format", RFC 5652, RFC 8017.
"""

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import der

MAX_BYTES = 16 << 20
_MAX_CERTIFICATES = 50
_DIGESTS = {
    bytes.fromhex("2a864886f70d0205"): "md5",
    bytes.fromhex("2b0e03021a"): "sha1",
    bytes.fromhex("608648016503040201"): "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}
_RSA = bytes.fromhex("2a864886f70d010101")
_MESSAGE_DIGEST, _SIGNING_TIME = bytes.fromhex("2a864886f70d010904"), bytes.fromhex("2a864886f70d010905")
_COUNTERSIGNATURE, _RFC3161 = bytes.fromhex("2a864886f70d010906"), bytes.fromhex("2b060104018237030301")
_NAMES = {
    "550403": "CN",
    "550406": "C",
    "550407": "L",
    "550408": "S",
    "55040a": "O",
    "55040b": "OU",
    "550405": "SERIALNUMBER",
    "550409": "STREET",
    "55040f": "BusinessCategory",
    "550411": "PostalCode",
    "0992268993f22c640119": "DC",
    "2a864886f70d010901": "E",
}


class Signature(NamedTuple):
    """A CMS signature: what was signed, by which of the certificates, with what digest."""

    content: der.Value
    certificates: list[der.Value]
    signer: list[der.Value]


def describe(data: bytes, digest_of: Callable[[str], bytes | None]) -> dict[str, Any]:
    """The `signing` of a file. `digest_of` gives the file's own digest for the name of an algorithm, None if it cannot."""
    signature = _signature(data)
    algorithm, digest = _file_digest(signature.content)
    own = digest_of(algorithm) if algorithm else None
    certificates = [_certificate(one) for one in signature.certificates[:_MAX_CERTIFICATES]]
    signer = _signer(signature)
    return {
        "schemes": ["authenticode"],
        "subject": "",
        **(_certificate(signer) if signer else {}),
        "digest_algorithm": algorithm,
        "digest": digest.hex(),
        "digest_matches": None if own is None else own == digest,
        "signature_matches": _holds(signature, signer),
        "timestamp": _timestamp(signature),
        "certificates": certificates,
    }


def signed_content(data: bytes) -> tuple[str, bytes]:
    """The digest algorithm and the digest, whatever its form, that the signature is about."""
    return _file_digest(_signature(data).content)


def distinguished_name(name: der.Value) -> str:
    """As Windows writes it, most particular part first: `CN=…, O=…, C=US`."""
    parts = []
    for attribute in (attribute for part in name.children for attribute in part.children):
        if len(attribute.children) == 2:
            kind, value = attribute.children
            label = _NAMES.get(kind.content.hex(), "OID." + kind.content.hex())
            parts.append(f"{label}={_quoted(_text(value))}")
    return ", ".join(reversed(parts))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',+"=\n<>#;') else text


def _text(value: der.Value) -> str:
    encoding = {0x1E: "utf-16-be", 0x1C: "utf-32-be", 0x14: "latin-1"}.get(value.tag, "utf-8")
    return value.content.decode(encoding, "replace").strip("\0")[:512]


def _signature(data: bytes) -> Signature:
    signed = der.signed_data(data)
    content = signed.child(2, der.SEQUENCE)
    bags = [part for part in signed.children[3:] if part.tag == 0xA0]
    certificates = [one for bag in bags for one in bag.children if one.tag == der.SEQUENCE]
    signers = signed.children[-1].children if signed.children[-1].tag == der.SET else []
    return Signature(content, certificates, signers[0].children if signers else [])


def _file_digest(content: der.Value) -> tuple[str, bytes]:
    """From SpcIndirectDataContent: DigestInfo is its second part."""
    info = content.child(1, 0xA0).child(0, der.SEQUENCE).child(1, der.SEQUENCE)
    algorithm = info.child(0, der.SEQUENCE).child(0, der.OBJECT).content
    return _DIGESTS.get(algorithm, ""), info.child(1, der.OCTET_STRING).content


def _signer(signature: Signature) -> der.Value | None:
    """The certificate whose issuer and serial number the signer names."""
    if len(signature.signer) < 2:
        return None
    wanted = [part.encoded for part in signature.signer[1].children]
    for certificate in signature.certificates:
        fields = _fields(certificate)
        if [fields[2].encoded, fields[0].encoded] == wanted:
            return certificate
    return None


def _fields(certificate: der.Value) -> list[der.Value]:
    """Serial, algorithm, issuer, validity, subject, key."""
    body = certificate.child(0, der.SEQUENCE)
    fields = body.children[1:] if body.children[:1] and body.children[0].tag == 0xA0 else body.children
    if len(fields) < 6:
        raise BadPackage("a certificate is not built as it should be")
    return fields


def _certificate(value: der.Value) -> dict[str, Any]:
    fields, found = _fields(value), der.certificate(value.encoded)
    dates = {"not_before": found.not_before, "not_after": found.not_after}
    return {
        "subject": distinguished_name(fields[4]),
        "issuer": distinguished_name(fields[2]),
        "name": found.name,
        "serial": fields[0].content.hex()[:64],
        "sha256": found.sha256,
        **{key: date.strftime("%Y-%m-%dT%H:%M:%SZ") if date else None for key, date in dates.items()},
    }


def _attributes(part: der.Value) -> dict[bytes, der.Value]:
    """The first value of each attribute."""
    pairs = [one.children for one in part.children]
    return {pair[0].content: pair[1].children[0] for pair in pairs if len(pair) == 2 and pair[1].children}


def _holds(signature: Signature, signer: der.Value | None) -> bool | None:
    """Whether the signature fits its own content and the signer's key. None for keys other than RSA with PKCS #1 v1.5."""
    parts = signature.signer
    if signer is None or len(parts) < 6 or parts[3].tag != 0xA0:
        return None
    algorithm = _DIGESTS.get(parts[2].child(0, der.OBJECT).content)
    signed = _attributes(parts[3]).get(_MESSAGE_DIGEST)
    if algorithm is None or signed is None:
        return None
    content = signature.content.child(1, 0xA0).child(0, der.SEQUENCE).content
    if hashlib.new(algorithm, content, usedforsecurity=False).digest() != signed.content:
        return False
    attributes = b"\x31" + parts[3].encoded[1:]
    return _rsa_holds(_fields(signer)[5], algorithm, attributes, parts[5].content)


def _rsa_holds(key: der.Value, algorithm: str, message: bytes, signature: bytes) -> bool | None:
    if key.child(0, der.SEQUENCE).child(0, der.OBJECT).content != _RSA:
        return None
    numbers = der.parse(key.child(1, der.BIT_STRING).content[1:])
    modulus, exponent = (int.from_bytes(one.content, "big") for one in numbers.children[:2])
    size = (modulus.bit_length() + 7) // 8
    if not 128 <= size <= 1024 or exponent > 1 << 32 or len(signature) != size:
        return None
    padded = pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(size, "big")
    head, _, info = padded[2:].partition(b"\0")
    digest = hashlib.new(algorithm, message, usedforsecurity=False).digest()
    return padded[:2] == b"\0\1" and set(head) == {0xFF} and info.endswith(digest) and len(info) - len(digest) in _INFO


_INFO = (15, 18, 19)  # bytes of DigestInfo before an SHA-1, MD5 or SHA-2 digest


def _timestamp(signature: Signature) -> str | None:
    """The time that a time-stamping authority vouches for, unverified; None without one."""
    unsigned = [part for part in signature.signer[5:] if part.tag == 0xA1]
    for part in unsigned:
        found = _attributes(part)
        if _COUNTERSIGNATURE in found:
            return _signing_time(found[_COUNTERSIGNATURE].children)
        if _RFC3161 in found:
            signers = found[_RFC3161].child(1, 0xA0).child(0, der.SEQUENCE).children[-1].children
            return _signing_time(signers[0].children) if signers else None
    return None


def _signing_time(signer: list[der.Value]) -> str | None:
    for part in signer:
        if part.tag == 0xA0:
            time = _attributes(part).get(_SIGNING_TIME)
            return _date(time) if time else None
    return None


def _date(time: der.Value) -> str | None:
    digits = time.content.decode("ascii", "replace").rstrip("Z")
    if time.tag == der.UTC_TIME:
        digits = ("20" if digits[:2] < "50" else "19") + digits
    if len(digits) < 14 or not digits[:14].isdigit():
        return None
    year, month, day, hour, minute, second = digits[:4], *(digits[place : place + 2] for place in range(4, 14, 2))
    return f"{year}-{month}-{day}T{hour}:{minute}:{second}Z"
