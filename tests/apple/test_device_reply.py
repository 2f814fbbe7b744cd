"""Replies of devices: which are taken, which Apple vouches for, and everything that must be refused."""

import hashlib
import plistlib
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asn1crypto import cms, core, pem
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from fenfa.apple.cms import MAX_BYTES
from fenfa.apple.device_ca import SHA256, apple_authorities
from fenfa.apple.device_reply import read_reply
from fenfa.errors import BadInput
from tests.fuzz.base import damage
from tests.support import device_ca
from tests.support.device_ca import OF_A_CA, UDID, USUAL, Extension, Identity, Reply, answer, as_ber, authority, device

CHALLENGE = "a challenge"
CONTENT = answer(CHALLENGE)
OURS = [authority().pem]
ATTRIBUTES = ("content_type", "signing_time", "message_digest")
DAMAGED = "the reply is damaged: its signed data cannot be read"
UNFIT = "the reply is signed with a certificate that is not for this"


def refused(data: bytes) -> str:
    with pytest.raises(BadInput) as caught:
        read_reply(data, OURS)
    return str(caught.value)


# what devices send


@pytest.mark.parametrize("encode", [Reply.encode, lambda reply: as_ber(reply.encode())], ids=["DER", "BER"])
@pytest.mark.parametrize("digest", ["sha1", "sha256"])
@pytest.mark.parametrize("attributes", [(), ATTRIBUTES], ids=["no attributes", "attributes"])
def test_every_form_is_taken(attributes: tuple[str, ...], digest: str, encode: Callable[[Reply], bytes]) -> None:
    reply = read_reply(encode(Reply(CONTENT, digest=digest, attributes=attributes)), OURS)
    assert reply.is_verified
    assert (reply.challenge, reply.udid, reply.product) == (CHALLENGE, UDID, "iPhone17,1")
    assert (reply.os_version, reply.os_build, reply.device_name) == ("18.5", "22F76", "")


@pytest.mark.parametrize("digest", ["sha1", "sha256"])
@pytest.mark.parametrize("form", [("-noattr",), (), ("-stream",), ("-noattr", "-stream")], ids=" ".join)
def test_replies_of_openssl_are_taken(tmp_path: Path, digest: str, form: tuple[str, ...]) -> None:
    signer = device()
    (tmp_path / "signer.pem").write_bytes(signer.pem + signer.key_pem)
    (tmp_path / "authority.pem").write_bytes(authority().pem)
    (tmp_path / "content").write_bytes(CONTENT)
    command = ["openssl", "cms", "-sign", "-binary", "-nodetach", "-nosmimecap", "-md", digest, *form]
    command += ["-signer", "signer.pem", "-certfile", "authority.pem", "-in", "content", "-outform", "DER"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True).stdout
    assert (b"\x30\x80" in made) is ("-stream" in form)
    assert read_reply(made, OURS).is_verified


def test_attributes_of_indefinite_length_are_signed_as_der() -> None:
    assert read_reply(open_attributes(Reply(CONTENT).encode()), OURS).is_verified


def test_dates_do_not_count() -> None:
    future = (datetime(2031, 1, 1, tzinfo=UTC), datetime(2032, 1, 1, tzinfo=UTC))
    for signer in (device(), device(dates=future)):
        assert read_reply(Reply(CONTENT, (signer,)).encode(), OURS).is_verified


def test_the_order_of_certificates_does_not_count() -> None:
    signer, root, other = device(), authority(), device(key=device_ca.rsa_key("other"), serial=7)
    for held in ((signer, root, other), (other, root, signer), (root, signer, signer)):
        assert read_reply(Reply(CONTENT, (signer,), certificates=held).encode(), OURS).is_verified


def test_keys_and_signatures_of_today() -> None:
    curve = device(key=ec.generate_private_key(ec.SECP256R1()))
    large = device(key=device_ca.rsa_key("large", 2048), digest="sha256")
    for signer in (curve, large):
        assert read_reply(Reply(CONTENT, (signer,)).encode(), OURS).is_verified
    assert read_reply(Reply(CONTENT, algorithm="sha256_rsa").encode(), OURS).is_verified


def test_a_certificate_without_restrictions_signs() -> None:
    assert read_reply(Reply(CONTENT, (device(extensions=()),)).encode(), OURS).is_verified


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("a" * 40, "A" * 40),
        ("00008110-000a1d0e3c38801e", UDID),
        ("00008110000A1D0E3C38801E", UDID),
    ],
)
def test_udids_are_kept_in_one_form(sent: str, kept: str) -> None:
    assert read_reply(Reply(answer(CHALLENGE, UDID=sent)).encode(), OURS).udid == kept


def test_what_a_device_may_say() -> None:
    data = answer(CHALLENGE, DEVICE_NAME="Anna’s 手机", SERIAL="F2LXK0ABCD", IMEI="35 123456 123456 0", VERSION="26.1")
    reply = read_reply(Reply(data).encode(), OURS)
    assert (reply.device_name, reply.os_version, reply.os_build) == ("Anna’s 手机", "26.1", "")
    assert "F2LXK0ABCD" not in repr(reply)
    as_data = answer(None, CHALLENGE=CHALLENGE.encode())
    assert read_reply(Reply(as_data).encode(), OURS).challenge == CHALLENGE


@pytest.mark.parametrize("name", ["x" * 129, "a\nb", "\x1b[31m", 17, ["x"], "\u202e", b"\xff\xfe"])
def test_odd_texts_are_left_out(name: object) -> None:
    try:
        data = answer(CHALLENGE, DEVICE_NAME=name)
    except ValueError:  # no property list can hold it
        data = answer(CHALLENGE).replace(b"iPhone17,1", b"\x1b")
        assert refused(Reply(data).encode()) == "the reply's data is no property list"
        return
    assert read_reply(Reply(data).encode(), OURS).device_name in ("", "��")


# whom Apple does not vouch for: the signature fits, the signer is a stranger


def strangers() -> Iterator[tuple[str, Identity]]:
    impostor = authority("impostor")  # of the same name
    yield "wrong authority of the same name", device(impostor)
    yield "self-signed", device_ca.issue(None, device_ca.APPLE_NAME, device_ca.rsa_key("device"), serial=9)
    middle = device(extensions=OF_A_CA, key=device_ca.rsa_key("middle"))
    yield "issued by a device", device(Identity(middle.certificate, middle.key))
    yield "signed with a digest that is not named", renamed(device(), "sha256_rsa")
    yield "signature of another certificate", exchanged(device(), device(serial=99))


def renamed(signer: Identity, algorithm: str) -> Identity:
    certificate = signer.parsed.copy()
    certificate["signature_algorithm"] = {"algorithm": algorithm}
    return replace(signer, certificate=certificate.dump(force=True))


def exchanged(signer: Identity, other: Identity) -> Identity:
    certificate = signer.parsed.copy()
    certificate["signature_value"] = other.parsed["signature_value"].native
    return replace(signer, certificate=certificate.dump(force=True))


STRANGERS = dict(strangers())


@pytest.mark.parametrize("name", STRANGERS)
def test_strangers_are_not_vouched_for(name: str) -> None:
    for extra in ((), (authority(),)):
        assert not read_reply(Reply(CONTENT, (STRANGERS[name],), extra=extra).encode(), OURS).is_verified


def test_production_does_not_know_the_authority_of_the_tests() -> None:
    assert not read_reply(Reply(CONTENT).encode(), apple_authorities()).is_verified
    assert not read_reply(Reply(CONTENT).encode(), []).is_verified


def test_the_pinned_authority_is_apples() -> None:
    (certificate,) = (x509.load_pem_x509_certificate(one) for one in apple_authorities())
    der = pem.unarmor(apple_authorities()[0])[2]
    assert hashlib.sha256(der).hexdigest() == SHA256
    assert certificate.subject.rfc4514_string() == "CN=Apple iPhone Device CA,OU=Apple iPhone,O=Apple Inc.,C=US"
    assert certificate.not_valid_after_utc == datetime(2014, 4, 16, 22, 54, 46, tzinfo=UTC)


# what is refused


def hostile() -> Iterator[tuple[str, str, bytes]]:
    """(what it is, what is said, the reply)"""
    whole = Reply(CONTENT).encode()
    signer, other = device(), device(key=device_ca.rsa_key("other"), serial=7)
    no_fit = "the reply's signature does not fit"
    yield "empty", DAMAGED, b""
    yield "noise", DAMAGED, random.Random(1).randbytes(2000)
    yield "plain property list", DAMAGED, CONTENT
    yield "truncated", DAMAGED, whole[:-1]
    yield "trailing byte", DAMAGED, whole + b"\0"
    yield "two replies", DAMAGED, whole + whole
    yield "64 KiB and one byte", "the reply is too large", whole + bytes(MAX_BYTES + 1 - len(whole))
    yield "modified content", no_fit, Reply(CONTENT, signed_content=answer("another"), attributes=()).encode()
    swapped = "the reply's signature is of other data"
    yield "content swap under valid attributes", swapped, Reply(CONTENT, signed_content=answer("another")).encode()
    once = "the reply's signature does not say once what it is of"
    yield "no messageDigest", once, Reply(CONTENT, attributes=("content_type", "signing_time")).encode()
    yield "two messageDigests", once, Reply(CONTENT, attributes=(*ATTRIBUTES, "message_digest")).encode()
    yield "no contentType", once, Reply(CONTENT, attributes=("message_digest",)).encode()
    yield "two contentTypes", once, Reply(CONTENT, attributes=(*ATTRIBUTES, "content_type")).encode()
    yield "contentType of something else", swapped, Reply(CONTENT, named_type="signed_data").encode()
    yield "content of another type", "the reply holds no data", Reply(CONTENT, content_type="2.5.4.3").encode()
    one = "the reply must have one signer"
    yield "two signers", one, Reply(CONTENT, (signer, other)).encode()
    yield "no signer", one, Reply(CONTENT, (), certificates=(signer,)).encode()
    stranger = device(authority("impostor"), key=device_ca.rsa_key("other"))
    yield "second signer a stranger", one, Reply(CONTENT, (signer, stranger)).encode()
    missing = "the reply must hold the certificate of its signer"
    yield "no certificates", missing, Reply(CONTENT, certificates=()).encode()
    yield "only other certificates", missing, Reply(CONTENT, certificates=(other, authority())).encode()
    twin = device(key=device_ca.rsa_key("other"))
    yield "two certificates of one number", missing, Reply(CONTENT, certificates=(signer, twin)).encode()
    yield "signed by another's key", no_fit, Reply(CONTENT, (replace(signer, key=other.key),)).encode()
    by_key = "the reply's signer must be named by issuer and serial number"
    yield "signer named by key", by_key, Reply(CONTENT, sid_by_key=True).encode()
    yield "authority as signer", UNFIT, Reply(CONTENT, (authority(),)).encode()
    yield "signer may not sign", UNFIT, Reply(CONTENT, (device(extensions=(USUAL[0], ENCIPHERS)),)).encode()
    yield "critical extension", UNFIT, Reply(CONTENT, (device(extensions=(*USUAL, ODD)),)).encode()
    yield "algorithm of another digest", no_fit, Reply(CONTENT, algorithm="sha1_rsa").encode()
    yield "algorithm of another key", no_fit, Reply(CONTENT, algorithm="sha256_ecdsa").encode()
    yield "PSS", no_fit, Reply(CONTENT, algorithm="rsassa_pss").encode()
    yield "digest not known", "the reply is signed in a way that is not known", with_digest(whole, "md5")
    yield "key of 8192 bits", no_fit, Reply(CONTENT, (huge(),)).encode()
    no_list = "the reply's data is no property list"
    yield "binary property list", no_list, Reply(plistlib.dumps({"UDID": UDID}, fmt=plistlib.FMT_BINARY)).encode()
    yield "a list", no_list, Reply(plistlib.dumps([UDID])).encode()
    yield "entities", no_list, Reply(CONTENT.replace(b"<plist", b'<!DOCTYPE p [<!ENTITY a "b">]><plist')).encode()
    yield "deep XML", no_list, Reply(b"<plist>" + b"<array>" * 8_000).encode()
    yield "no content", no_list, Reply(b"").encode()
    yield "no UDID", "the reply names no device", Reply(answer(CHALLENGE, UDID=None)).encode()
    for text in ("", "a" * 39, "a" * 41, UDID + " ", "g" * 40, "'; DROP TABLE devices; --"):
        yield f"UDID {text!r}", "the reply names no device", Reply(answer(CHALLENGE, UDID=text)).encode()
    yield "detached content", "the reply holds no data", detached(whole)
    yield "signed data of another kind", "the reply is not signed", core_data(CONTENT)
    yield "10,000 nested lengths", DAMAGED, b"\x30\x80" * 10_000
    yield "10,000 nested, closed", DAMAGED, b"\x30\x80" * 10_000 + b"\0\0" * 10_000
    yield "10,000 nested sets", DAMAGED, nested(10_000)
    yield "length of the whole world", DAMAGED, b"\x30\x88" + b"\xff" * 8


ENCIPHERS = Extension("key_usage", {"key_encipherment"})
ODD = Extension("1.2.3.4", b"\x05\x00")


def with_digest(reply: bytes, digest: str) -> bytes:
    info = cms.ContentInfo.load(reply)
    info["content"]["signer_infos"][0]["digest_algorithm"] = {"algorithm": digest}
    return bytes(info.dump(force=True))


def huge() -> Identity:
    """Signed with a small key, and a certificate that claims a huge one."""
    signer = device().parsed.copy()
    key = {"modulus": (1 << 8191) + 1, "public_exponent": 65537}
    signer["tbs_certificate"]["subject_public_key_info"]["public_key"] = key
    return Identity(signer.dump(force=True), device().key)


def detached(reply: bytes) -> bytes:
    info = cms.ContentInfo.load(reply)
    info["content"]["encap_content_info"] = {"content_type": "data"}
    return bytes(info.dump(force=True))


def core_data(content: bytes) -> bytes:
    return bytes(cms.ContentInfo({"content_type": "data", "content": core.OctetString(content)}).dump())


def nested(depth: int) -> bytes:
    made = b""
    for _ in range(depth):
        length = len(made).to_bytes(3)
        made = b"\x31\x83" + length + made
    return made[-MAX_BYTES + 10 :] if len(made) > MAX_BYTES else made


def open_attributes(reply: bytes) -> bytes:
    """The signed attributes with an indefinite length, everything around them to match."""
    info = cms.ContentInfo.load(reply)["content"]
    signer = info["signer_infos"][0]
    body = (
        b"".join(signer[name].dump() for name in ("version", "sid", "digest_algorithm"))
        + b"\xa0\x80"
        + signer["signed_attrs"].contents
        + b"\0\0"
    )
    body += signer["signature_algorithm"].dump() + signer["signature"].dump()
    signers = b"\x31\x80\x30\x80" + body + b"\0\0\0\0"
    parts = b"".join(
        info[name].dump() for name in ("version", "digest_algorithms", "encap_content_info", "certificates")
    )
    whole: bytes = b"\x30\x80" + parts + signers + b"\0\0"
    kind = bytes(core.ObjectIdentifier("1.2.840.113549.1.7.2").dump())
    return b"\x30\x80" + kind + b"\xa0\x80" + whole + b"\0\0\0\0"


CASES = {name: (said, data) for name, said, data in hostile()}


@pytest.mark.parametrize("name", CASES)
def test_refused(name: str) -> None:
    said, data = CASES[name]
    started = time.process_time()
    assert refused(data) == said
    assert time.process_time() - started < 1


def test_the_matrix_is_whole() -> None:
    assert len(CASES) >= 45


def test_ten_thousand_mutations_say_nothing_else() -> None:
    """A damaged reply is refused; one that is still taken says what the whole one says, to the letter."""
    chance = random.Random(20261102)
    seeds = [as_ber(Reply(CONTENT).encode())]
    seeds += [Reply(CONTENT, digest=d, attributes=a).encode() for d in ("sha1", "sha256") for a in ((), ATTRIBUTES)]
    expected = read_reply(seeds[0], OURS)
    taken = 0
    for _ in range(10_000):
        data = damage(chance.choice(seeds), chance)
        with suppress(BadInput):
            reply = read_reply(data, OURS)
            assert replace(reply, is_verified=True) == expected
            taken += 1
    assert taken < 2_000
