"""The checks of texts, and slugs, for any text at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenfa.errors import BadInput
from fenfa.services.packages import bare_os_version, build_number
from fenfa.services.texts import has_controls, is_slug, one_line, slug_of
from fenfa.web.fields import checked_build, checked_line, checked_prose

ANY = st.text(st.characters(), max_size=300)  # lone surrogates too


@given(ANY)
def test_a_slug_of_a_slug_is_the_slug(text: str) -> None:
    slug = slug_of(text)
    assert slug_of(slug) == slug
    assert is_slug(slug) == bool(slug)
    assert len(slug) <= 80
    assert not set(slug) & set("/\\?#%&._ \0\n\"'<>")
    assert slug == slug.strip("-")
    assert "--" not in slug


@given(ANY)
def test_a_checked_line_is_one_line(text: str) -> None:
    try:
        line = checked_line("name", text)
    except BadInput as error:
        assert error.message.startswith("name must ")  # noqa: PT017 - the other branch is the test, too
    else:
        assert line == text.strip()
        line.encode()
        assert len(line.splitlines()) <= 1


@given(ANY)
def test_checked_prose_keeps_lines(text: str) -> None:
    try:
        prose = checked_prose("changelog", text)
    except BadInput:
        assert has_controls(text, prose=True)
    else:
        prose.encode()
        assert "\r" not in prose
        assert checked_prose("changelog", prose) == prose


@given(ANY)
def test_one_line_always_is(text: str) -> None:
    line = one_line(text)
    assert not has_controls(line)
    assert len(line) <= 255
    assert line == line.strip()


@pytest.mark.parametrize(
    ("text", "number"),
    [("", None), ("  ", None), ("0", 0), ("120", 120), (" 7 ", 7), ("007", 7), (str(2**63 - 1), 2**63 - 1)],
)
def test_builds(text: str, number: int | None) -> None:
    assert checked_build(text) == number


@pytest.mark.parametrize("text", ["-1", "+1", "1.0", "1e3", "abc", "1 2", "0x10", "1_000", str(2**63), "9" * 5000, "²"])
def test_builds_that_are_none(text: str) -> None:
    with pytest.raises(BadInput, match="build must be a whole number"):
        checked_build(text)


@pytest.mark.parametrize(
    ("text", "number"), [("120", 120), ("1.2.3", 0), ("", 0), ("²", 0), ("-5", 0), (str(2**63), 0), ("9" * 5000, 0)]
)
def test_builds_of_packages(text: str, number: int) -> None:
    assert build_number(text) == number


@pytest.mark.parametrize(
    ("text", "bare"),
    [("iOS 15.0", "15.0"), ("Android 21", "21"), ("15.0", "15.0"), ("", ""), ("ANDROID 21", "21"), ("macOS 12", "12")],
)
def test_os_versions(text: str, bare: str) -> None:
    assert bare_os_version(text) == bare
