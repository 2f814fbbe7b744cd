"""The signature block of a JAR signer: a PKCS#7 SignedData over the signature file. Source: RFC 5652; JAR specification.

Only what signers of APKs write is known: one of the certificates in the block signed, directly or through signed attributes.
"""

import hashlib
from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import der
from fenfa.inspectors.parts.apk_certificates import comparable_name, take_apart
from fenfa.inspectors.parts.apk_keys import Algorithm, object_id, verify

_HASHES = {
    "1.2.840.113549.2.5": "md5",
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.4": "sha224",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
# the key's kind, and the hash where the ID names one; else the digest algorithm says it
_SIGNATURES = {
    "1.2.840.113549.1.1.1": ("RSA", ""),
    "1.2.840.113549.1.1.4": ("RSA", "md5"),
    "1.2.840.113549.1.1.5": ("RSA", "sha1"),
    "1.2.840.113549.1.1.11": ("RSA", "sha256"),
    "1.2.840.113549.1.1.12": ("RSA", "sha384"),
    "1.2.840.113549.1.1.13": ("RSA", "sha512"),
    "1.2.840.113549.1.1.14": ("RSA", "sha224"),
    "1.2.840.10040.4.1": ("DSA", ""),
    "1.2.840.10040.4.3": ("DSA", "sha1"),
    "2.16.840.1.101.3.4.3.1": ("DSA", "sha224"),
    "2.16.840.1.101.3.4.3.2": ("DSA", "sha256"),
    "1.2.840.10045.2.1": ("ECDSA", ""),
    "1.2.840.10045.4.1": ("ECDSA", "sha1"),
    "1.2.840.10045.4.3.1": ("ECDSA", "sha224"),
    "1.2.840.10045.4.3.2": ("ECDSA", "sha256"),
    "1.2.840.10045.4.3.3": ("ECDSA", "sha384"),
    "1.2.840.10045.4.3.4": ("ECDSA", "sha512"),
}
# the SDK level from which Android verifies them, by key and digest; first where the ID names the key alone, then the hash too
_FIRST_SDK = {
    ("RSA", "md5"): (0, 21),
    ("RSA", "sha1"): (0, 0),
    ("RSA", "sha224"): (21, 21),
    ("RSA", "sha256"): (18, 18),
    ("RSA", "sha384"): (18, 21),
    ("RSA", "sha512"): (18, 21),
    ("DSA", "sha1"): (0, 9),
    ("DSA", "sha224"): (22, 21),
    ("DSA", "sha256"): (22, 21),
    ("ECDSA", "sha1"): (18, 18),
    ("ECDSA", "sha224"): (21, 21),
    ("ECDSA", "sha256"): (18, 21),
    ("ECDSA", "sha384"): (18, 21),
    ("ECDSA", "sha512"): (18, 21),
}
_CONTENT_TYPE, _MESSAGE_DIGEST = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4"
_SIGNED_ATTRIBUTES_SDK = 19  # before this level Android could not verify them
_ALL_SIGNERS_SDK = 24  # before this level Android looked at the first signer alone
_MAX_SIGNERS = 20


class SignedData(NamedTuple):
    content_type: str
    certificates: list[bytes]
    signers: list[der.Value]


def read_signed_data(data: bytes) -> SignedData:
    body = der.signed_data(data)
    inner = body.child(2, der.SEQUENCE)
    certificates = [
        one.encoded for bag in body.children if bag.tag == 0xA0 for one in bag.children if one.tag == der.SEQUENCE
    ]
    signers = body.children[-1].children if body.children[-1].tag == der.SET else []
    return SignedData(object_id(inner.child(0, der.OBJECT)), certificates, signers[:_MAX_SIGNERS])


def signing_certificate(data: bytes, content: bytes, min_sdk: int) -> bytes:
    """The certificate whose key signed this content. Raises BadPackage when none of the signers did."""
    signed = read_signed_data(data)
    if not signed.signers:
        raise BadPackage("no signature")
    looked_at = signed.signers if min_sdk >= _ALL_SIGNERS_SDK else signed.signers[:1]
    for signer in looked_at:
        certificate = _verify_signer(signed, signer, content, min_sdk)
        if certificate is not None:
            return certificate
    raise BadPackage("the signature is wrong")


def _verify_signer(signed: SignedData, signer: der.Value, content: bytes, min_sdk: int) -> bytes | None:
    """The signer's certificate; None when the signature or the digest is another one."""
    fields = signer.children[1:]
    attributes = next((field for field in fields if field.tag == 0xA0), None)
    fields = [field for field in fields if field.tag != 0xA0]
    if len(fields) < 4 or fields[3].tag & ~0x20 != der.OCTET_STRING:
        raise BadPackage("the signer is not built as it should be")
    kind, digest = _algorithm(fields[1], fields[2], min_sdk)
    certificate = _certificate_of(signed.certificates, fields[0])
    if attributes is not None:
        if min_sdk < _SIGNED_ATTRIBUTES_SDK:
            raise BadPackage("it has signed attributes, which Android below API level 19 cannot verify")
        if not _attributes_hold(attributes, signed.content_type, hashlib.new(digest, content).digest()):
            return None
        content = b"\x31" + attributes.encoded[1:]  # signed as a SET
    algorithm = Algorithm(kind, "PKCS1" if kind == "RSA" else "", digest)
    return certificate if verify(take_apart(certificate).public_key, algorithm, fields[3].joined(), content) else None


def _algorithm(digest: der.Value, signature: der.Value, min_sdk: int) -> tuple[str, str]:
    """The key's kind and the hash, if Android verifies them from this SDK level on."""
    kind, named = _SIGNATURES.get(object_id(signature.child(0, der.OBJECT)), ("", ""))
    name = _HASHES.get(object_id(digest.child(0, der.OBJECT)), "")
    first = _FIRST_SDK.get((kind, name))
    if first is None or named not in ("", name):
        raise BadPackage("the signature is of an algorithm that Android does not support")
    if min_sdk < first[named != ""]:
        raise BadPackage(f"{name.upper()} with {kind} is not supported by Android below API level {first[named != '']}")
    return kind, name


def _certificate_of(certificates: list[bytes], identity: der.Value) -> bytes:
    """The certificate that this issuer and serial number name."""
    if identity.tag == der.SEQUENCE and len(identity.children) == 2:
        issuer, serial = identity.children
        wanted = (comparable_name(issuer), serial.content)
        for certificate in certificates:
            parts = take_apart(certificate)
            if (parts.issuer, parts.serial) == wanted:
                return certificate
    raise BadPackage("the signer's certificate is missing")


def _attributes_hold(attributes: der.Value, content_type: str, digest: bytes) -> bool:
    values: dict[str, der.Value] = {}
    for attribute in attributes.children:
        name, found = object_id(attribute.child(0, der.OBJECT)), attribute.child(1, der.SET)
        if name in values or len(found.children) != 1:
            raise BadPackage("a signed attribute stands twice, or has no value")
        values[name] = found.children[0]
    if _CONTENT_TYPE not in values or _MESSAGE_DIGEST not in values:
        raise BadPackage("the signed attributes name no content type, or no digest")
    same_type = object_id(values[_CONTENT_TYPE]) == content_type
    return same_type and values[_MESSAGE_DIGEST].joined() == digest
