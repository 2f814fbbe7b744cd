"""The developer portal's text format, in and out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenfa.apple.device_list import Listed, Problem, read_list, write_list

SAMPLE = """Device ID\tDevice Name\tDevice Platform
A123456789012345678901234567890123456789\tNAME1\tios
b123456789012345678901234567890123456789\tNAME2\tIOS
A5B5CD50-14AB-5AF7-8B78-AB4751AB10A8\tNAME3\tmac
00008110-000a1d0e3c38801e\tTest phone 3
\t\t
not a device\tNAME5\tios
A123456789012345678901234567890123456789\tNAME1 again\tios
"""


def test_the_portals_own_sample() -> None:
    found, problems = read_list("\ufeff" + SAMPLE.replace("\n", "\r\n"))
    assert found == [
        Listed("A123456789012345678901234567890123456789", "NAME1"),
        Listed("B123456789012345678901234567890123456789", "NAME2"),
        Listed("00008110-000A1D0E3C38801E", "Test phone 3"),
    ]
    assert problems == [
        Problem(4, "this is a Mac; only devices for iOS are taken"),
        Problem(7, "the first column is no device ID (UDID)"),
    ]


@pytest.mark.parametrize("text", ["", "\n\n", "Device ID\tDevice Name\tDevice Platform\n"])
def test_a_list_of_nothing(text: str) -> None:
    assert read_list(text) == ([], [])


def test_written_as_the_portal_takes_it() -> None:
    devices = [Listed("00008110-000A1D0E3C38801E", "A\tB\nC" + "x" * 60), Listed("A" * 40, "")]
    assert write_list(devices) == (
        "Device ID\tDevice Name\tDevice Platform\n"
        f"00008110-000A1D0E3C38801E\tA B C{'x' * 45}\tios\n"
        f"{'A' * 40}\t{'A' * 40}\tios\n"
    )


NUMBERS = st.integers(0, 2**96 - 1).map(lambda number: f"{number:024X}").map(lambda text: f"{text[:8]}-{text[8:]}")


@given(st.lists(st.tuples(NUMBERS, st.text()), unique_by=lambda pair: pair[0]))
def test_what_is_written_is_read_again(pairs: list[tuple[str, str]]) -> None:
    text = write_list(Listed(udid, name) for udid, name in pairs)
    found, problems = read_list(text)
    assert problems == []
    assert [one.udid for one in found] == [udid for udid, _ in pairs]
    assert write_list(found) == text
