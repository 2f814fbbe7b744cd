"""LZFSE and LZVN. The entropy-coded blocks are compared with a real disk in `test_dmg`."""

import struct

import pytest

from fenfa.errors import BadPackage
from fenfa.inspectors.parts import lzfse, lzvn
from tests.support.catalogues import lzfse_raw

# four letters, then "abcd" again from four back, "d" repeated by the former distance, one letter, the end
ABC = b"\xe4abcd" + b"\x08\x04" + b"\xf2" + b"\xe1z" + b"\x06" + bytes(7)


def test_unpacks_lzvn_instruction_by_instruction() -> None:
    assert lzvn.decode(ABC, 100) == b"abcd" + b"abcd" + b"ab" + b"z"


@pytest.mark.parametrize(
    ("instruction", "unpacked"),
    [
        (b"\x40\x04x", b"abcdxbcd"),  # one letter and three from four back
        (b"\x47\x05\x00x", b"abcdxabc"),  # the same with a distance of two bytes
        (b"\xa8\x14\x00x", b"abcdxabc"),  # a medium distance: five back
        (b"\xe0\x00" + b"q" * 16, b"abcd" + b"q" * 16),
        (b"\x08\x04\xf0\x00", b"abcdabcd" + b"abcd" * 4),
        (b"\x0e\x16\xe1x", b"abcdx"),
    ],
)
def test_knows_every_instruction(instruction: bytes, unpacked: bytes) -> None:
    found = lzvn.decode(b"\xe4abcd" + instruction + b"\x06" + bytes(7), 100)
    assert found == unpacked


def test_stops_at_the_limit() -> None:
    assert lzvn.decode(ABC, 3) == b"abc"
    assert lzfse.decode(lzfse_raw(b"0123456789"), 4) == b"0123"


def test_unpacks_raw_and_lzvn_blocks() -> None:
    stream = b"bvx-" + struct.pack("<I", 3) + b"xyz" + b"bvxn" + struct.pack("<II", 11, len(ABC)) + ABC + b"bvx$"
    assert lzfse.decode(stream, 100) == b"xyzabcdabcdabz"


@pytest.mark.parametrize("data", [b"\x00\x09", b"\xe4abcd\x00\x09", b"\xe9a", b"\x70", b"\xd0", b"\x1e", b"\xf1", b""])
def test_damaged_lzvn_is_refused(data: bytes) -> None:
    with pytest.raises(BadPackage):
        lzvn.decode(data, 100)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"bvx",
        b"nope",
        b"bvx-\xff\0\0\0",
        b"bvx2" + bytes(28),
        b"bvx2" + b"\xff" * 800,
        b"bvx1" + bytes(800),
        b"bvx1" + b"\xff" * 900,
    ],
)
def test_damaged_lzfse_is_refused(data: bytes) -> None:
    with pytest.raises(BadPackage):
        lzfse.decode(data, 1000)
