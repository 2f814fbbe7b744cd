"""Public keys and the signature algorithms of APKs. `cryptography` is imported only when there is something to verify.

Source: source.android.com "APK signature scheme v2" and v3 (algorithm IDs); RFC 3279, 4055, 5480 and 5758 (object IDs).
"""

from typing import NamedTuple

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import der

_RSA, _DSA, _EC = "1.2.840.113549.1.1.1", "1.2.840.10040.4.1", "1.2.840.10045.2.1"
_CURVES = {"1.2.840.10045.3.1.7": "SECP256R1", "1.3.132.0.34": "SECP384R1", "1.3.132.0.35": "SECP521R1"}
_MAX_RSA_BITS = 16_384
_MAX_DSA_BITS = 4096


class Algorithm(NamedTuple):
    """A signature algorithm: the key's kind, its padding (RSA only) and the hash's name in lower case."""

    kind: str
    padding: str
    hash: str

    def __str__(self) -> str:
        return " ".join(filter(None, (self.kind, self.padding, "with", self.hash.upper())))


VERITY = "verity"  # the digest of a hash tree
# by the IDs of the schemes from v2 on: how the signature is made, and which digest of the contents it covers
ALGORITHMS = {
    0x0101: (Algorithm("RSA", "PSS", "sha256"), "sha256"),
    0x0102: (Algorithm("RSA", "PSS", "sha512"), "sha512"),
    0x0103: (Algorithm("RSA", "PKCS1", "sha256"), "sha256"),
    0x0104: (Algorithm("RSA", "PKCS1", "sha512"), "sha512"),
    0x0201: (Algorithm("ECDSA", "", "sha256"), "sha256"),
    0x0202: (Algorithm("ECDSA", "", "sha512"), "sha512"),
    0x0301: (Algorithm("DSA", "", "sha256"), "sha256"),
    0x0421: (Algorithm("RSA", "PKCS1", "sha256"), VERITY),
    0x0423: (Algorithm("ECDSA", "", "sha256"), VERITY),
    0x0425: (Algorithm("DSA", "", "sha256"), VERITY),
}


class PublicKey(NamedTuple):
    """A SubjectPublicKeyInfo taken apart: its algorithm, its parameters and the key's bytes."""

    kind: str
    parameters: der.Value | None
    key: bytes


def verify(public_key: bytes, algorithm: Algorithm, signature: bytes, data: bytes) -> bool:
    """Whether this key signed this data. Raises BadPackage for a key that cannot be used with the algorithm."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    key = read_public_key(public_key)
    if key.kind != algorithm.kind:
        raise BadPackage(f"the signature's algorithm {algorithm} does not go with its key of kind {key.kind}")
    check = {"RSA": _verify_rsa, "DSA": _verify_dsa, "ECDSA": _verify_ecdsa}[key.kind]
    try:
        check(key, algorithm, signature, data)
    except InvalidSignature:
        return False
    except (ValueError, TypeError, OverflowError, UnsupportedAlgorithm) as error:
        raise BadPackage(f"the signing key cannot be used: {error}") from None
    return True


def read_public_key(data: bytes) -> PublicKey:
    outer = der.parse(data)
    identifier = outer.child(0, der.SEQUENCE)
    kind = {_RSA: "RSA", _DSA: "DSA", _EC: "ECDSA"}.get(object_id(identifier.child(0, der.OBJECT)))
    if kind is None:
        raise BadPackage("the signing key is of a kind that is not supported")
    parameters = identifier.children[1] if len(identifier.children) > 1 else None
    return PublicKey(kind, parameters, outer.child(1, der.BIT_STRING).content[1:])


def object_id(value: der.Value) -> str:
    """An object identifier, dotted."""
    numbers, number = [], 0
    for byte in value.content[:64]:
        number = number << 7 | byte & 0x7F
        if not byte & 0x80:
            numbers.append(number)
            number = 0
    first = min(numbers[0] // 40, 2) if numbers else 0
    return ".".join(map(str, [first, numbers[0] - 40 * first, *numbers[1:]])) if numbers else ""


def _verify_rsa(key: PublicKey, algorithm: Algorithm, signature: bytes, data: bytes) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    modulus, exponent = _integers(der.parse(key.key), 2)
    _limit(modulus, _MAX_RSA_BITS)
    _limit(exponent, 64)
    digest = getattr(hashes, algorithm.hash.upper())()
    pad: padding.AsymmetricPadding = padding.PKCS1v15()
    if algorithm.padding == "PSS":
        pad = padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size)
    rsa.RSAPublicNumbers(exponent, modulus).public_key().verify(signature, data, pad, digest)


def _verify_dsa(key: PublicKey, algorithm: Algorithm, signature: bytes, data: bytes) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import dsa

    if key.parameters is None:
        raise BadPackage("the signing key has no parameters")
    p, q, g = _integers(key.parameters, 3)
    _limit(p, _MAX_DSA_BITS)
    numbers = dsa.DSAPublicNumbers(_integer(der.parse(key.key)), dsa.DSAParameterNumbers(p, q, g))
    numbers.public_key().verify(signature, data, getattr(hashes, algorithm.hash.upper())())


def _verify_ecdsa(key: PublicKey, algorithm: Algorithm, signature: bytes, data: bytes) -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    named = key.parameters is not None and key.parameters.tag == der.OBJECT
    curve = _CURVES.get(object_id(key.parameters)) if key.parameters and named else None
    if curve is None:
        raise BadPackage("the signing key lies on a curve that is not supported")
    point = ec.EllipticCurvePublicKey.from_encoded_point(getattr(ec, curve)(), key.key)
    point.verify(signature, data, ec.ECDSA(getattr(hashes, algorithm.hash.upper())()))


def _integers(value: der.Value, count: int) -> list[int]:
    return [_integer(value.child(index, der.INTEGER)) for index in range(count)]


def _integer(value: der.Value) -> int:
    return int.from_bytes(value.content, "big", signed=True)


def _limit(number: int, bits: int) -> None:
    if number.bit_length() > bits:
        raise BadPackage("the signing key is larger than any that is in use")
