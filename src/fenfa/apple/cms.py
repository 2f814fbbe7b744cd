"""Signed data (CMS) of a single signer: its signature checked, its content and certificates given.

Source: RFC 5652. asn1crypto reads it, DER and the indefinite lengths of BER alike; cryptography checks signatures. Whom to
believe is not decided here.
"""

import hashlib
import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from xml.parsers.expat import ExpatError

from asn1crypto import cms, x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from fenfa.errors import BadInput

MAX_BYTES = 64 * 1024
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "sha1": hashes.SHA1(),  # noqa: S303 - what Apple's devices sign with
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_ALGORITHMS: dict[str, tuple[str, str]] = {
    "rsassa_pkcs1v15": ("rsa", ""),
    "ecdsa": ("ecdsa", ""),
    **{f"{digest}_{kind}": (kind, digest) for digest in _HASHES for kind in ("rsa", "ecdsa")},
}
"""What an algorithm's name says of key and digest; an empty digest is named beside it."""
_MOST_BITS = 4096  # a larger key would take its time
_WHAT_DAMAGE_RAISES = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError, ExpatError)
DAMAGED = "the reply is damaged: its signed data cannot be read"
_UNSIGNED = "the reply's signature does not fit"


@dataclass(frozen=True)
class Envelope:
    """Content whose signature fits the key in `signer`. `certificates`: all that came along, the signer's too."""

    content: bytes
    signer: x509.Certificate
    certificates: tuple[x509.Certificate, ...]
    digest: str
    has_attributes: bool


def open_envelope(data: bytes) -> Envelope:
    """`BadInput` for anything but whole, undamaged signed data of one signer, whose certificate is with it."""
    if len(data) > MAX_BYTES:
        raise BadInput("the reply is too large")
    with refusing(DAMAGED):
        return _open(data)


@contextmanager
def refusing(message: str) -> Iterator[None]:
    """What reading damaged bytes raises becomes `BadInput(message)`. asn1crypto reads late: whoever looks into a certificate
    may meet the damage."""
    try:
        yield
    except _WHAT_DAMAGE_RAISES:
        raise BadInput(message) from None


def is_signed_by(certificate: x509.Certificate, public_key: bytes) -> bool:
    """Whether the key (DER) made the certificate's signature. No word on names and dates."""
    algorithm, body = certificate["signature_algorithm"], certificate["tbs_certificate"]
    if algorithm.dump() != body["signature"].dump():
        return False
    digest = _ALGORITHMS.get(algorithm["algorithm"].native, ("", ""))[1]
    return _fits(public_key, algorithm, digest, body.dump(), certificate["signature_value"].native)


def _open(data: bytes) -> Envelope:
    info = cms.ContentInfo.load(data, strict=True)
    if info["content_type"].native != "signed_data":
        raise BadInput("the reply is not signed")
    signed = info["content"]
    content = _content(signed["encap_content_info"])
    if len(signed["signer_infos"]) != 1:
        raise BadInput("the reply must have one signer")
    signer_info = signed["signer_infos"][0]
    certificates = tuple(one.chosen for one in signed["certificates"] if one.name == "certificate")
    signer = _signer(signer_info["sid"], certificates)
    digest = signer_info["digest_algorithm"]["algorithm"].native
    _check_signature(signer_info, signer, digest, content)
    return Envelope(content, signer, certificates, digest, bool(signer_info["signed_attrs"]))


def _content(inner: Any) -> bytes:
    if inner["content_type"].native != "data" or inner["content"].native is None:
        raise BadInput("the reply holds no data")
    return bytes(inner["content"])


def _signer(sid: Any, certificates: tuple[x509.Certificate, ...]) -> x509.Certificate:
    """By issuer and serial number alone: the order of a device's certificates says nothing."""
    if sid.name != "issuer_and_serial_number":
        raise BadInput("the reply's signer must be named by issuer and serial number")
    wanted = sid.chosen["issuer"].dump(), sid.chosen["serial_number"].native
    found = {
        one.dump(): one
        for one in certificates
        if (one["tbs_certificate"]["issuer"].dump(), one.serial_number) == wanted
    }
    if len(found) != 1:
        raise BadInput("the reply must hold the certificate of its signer")
    return next(iter(found.values()))


def _check_signature(signer_info: Any, signer: x509.Certificate, digest: str, content: bytes) -> None:
    if digest not in _HASHES:
        raise BadInput("the reply is signed in a way that is not known")
    algorithm = signer_info["signature_algorithm"]
    signed = _signed_bytes(signer_info["signed_attrs"], digest, content)
    if not _fits(signer.public_key.dump(), algorithm, digest, signed, signer_info["signature"].native):
        raise BadInput(_UNSIGNED)


def _signed_bytes(attributes: Any, digest: str, content: bytes) -> bytes:
    """What the signature is over: the content or, where there are any, the attributes, which must name the content."""
    if not attributes:
        return content
    named = [(one["type"].native, one["values"]) for one in attributes]
    digests = [values for name, values in named if name == "message_digest"]
    kinds = [values for name, values in named if name == "content_type"]
    if len(digests) != 1 or len(digests[0]) != 1 or len(kinds) != 1 or len(kinds[0]) != 1:
        raise BadInput("the reply's signature does not say once what it is of")
    expected = hashlib.new(digest, content).digest()
    if not hmac.compare_digest(digests[0][0].native, expected) or kinds[0][0].native != "data":
        raise BadInput("the reply's signature is of other data")
    encoded: bytes = attributes.dump()  # in DER, whatever lengths they came with
    return b"\x31" + encoded[1:]  # signed as the set that it is, not by the tag that it has here


def _fits(public_key: bytes, algorithm: Any, digest: str, data: bytes, signature: bytes) -> bool:
    """Whether the key's other half made the signature; False also for keys and algorithms that are not taken."""
    kind, named = _ALGORITHMS.get(algorithm["algorithm"].native, ("", ""))
    if digest not in _HASHES or named not in ("", digest):
        return False
    try:
        key = load_der_public_key(public_key)
        if kind == "rsa" and isinstance(key, rsa.RSAPublicKey) and key.key_size <= _MOST_BITS:
            key.verify(signature, data, padding.PKCS1v15(), _HASHES[digest])
        elif kind == "ecdsa" and isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, data, ec.ECDSA(_HASHES[digest]))
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True
