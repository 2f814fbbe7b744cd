"""Sentences that the package readers filled in, recognised by their form and told in the visitor's language.

A reader answers from its cage, and what it said lies with the release for years: as English text, with names and numbers in it.
The catalogue holds the forms of these sentences (`{a} is missing`) under a context of their own; `make translations` gathers
them from the readers' f-strings.
"""

import re
from collections.abc import Callable
from functools import cache
from string import Formatter

from fenfa.web.i18n import Language, reader_texts

_LONGEST = 2000  # of what is looked at; longer texts are shown as they are
Form = tuple[re.Pattern[str], str]


def recognised(text: str, language: Language, translate: Callable[[str], str]) -> str | None:
    """The sentence with what fills it in, which is translated too, since it may be a sentence itself; None where no form fits."""
    for pattern, translation in _forms(language) if len(text) <= _LONGEST else ():
        if found := pattern.fullmatch(text):
            return translation.format(**{name: translate(value) for name, value in found.groupdict().items()})
    return None


@cache
def _forms(language: Language) -> tuple[Form, ...]:
    """The one that leaves the least open first."""
    known = sorted(reader_texts(language).items(), key=lambda pair: (-_fixed(pair[0]), pair[0]))
    return tuple((_pattern(form), translation) for form, translation in known)


def _fixed(form: str) -> int:
    return sum(len(literal) for literal, *_ in Formatter().parse(form))


def _pattern(form: str) -> re.Pattern[str]:
    parts = Formatter().parse(form)
    return re.compile("".join(re.escape(text) + (f"(?P<{name}>.+?)" if name else "") for text, name, *_ in parts), re.S)
