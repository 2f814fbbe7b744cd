"""Texts that come from elsewhere than a template, in the visitor's language."""

import pytest

from fenfa.errors import Conflict, Sentence
from fenfa.web.i18n import ENGLISH, find_language
from fenfa.web.pages import error_text, translated

CHINESE = find_language("zh") or ENGLISH
TEMPLATE = "the package is {package}, but the variant is for {variant}"


def test_a_sentence_is_translated_before_its_places_are_filled() -> None:
    sentence = Sentence(TEMPLATE, package="com.example.a", variant="com.example.b")
    assert sentence == "the package is com.example.a, but the variant is for com.example.b"
    assert translated(sentence, ENGLISH) == sentence
    assert translated(sentence, CHINESE) == "安装包的标识是 com.example.a，而这个变体的标识是 com.example.b"


def test_an_error_says_the_same() -> None:
    error = Conflict(TEMPLATE, package="a", variant="b")
    assert error_text(error, ENGLISH) == error.message
    assert error_text(error, CHINESE) == "安装包的标识是 a，而这个变体的标识是 b"


@pytest.mark.parametrize("value", ["{0}", "{package}", "100 %", "%(x)s", "{"])
def test_values_are_only_values(value: str) -> None:
    sentence = Sentence(TEMPLATE, package=value, variant="b")
    assert translated(sentence, ENGLISH) == f"the package is {value}, but the variant is for b"


@pytest.mark.parametrize("text", ["not in any catalogue", "100 % {x}", ""])
def test_a_text_that_nobody_knows_stays_as_it_is(text: str) -> None:
    assert translated(text, CHINESE) == text


def test_a_sentence_in_a_sentence() -> None:
    inner = Sentence(TEMPLATE, package="a", variant="b")
    assert translated(Sentence("the form cannot be read: {reason}", reason=inner), CHINESE).endswith("标识是 b")
