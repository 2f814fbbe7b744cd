"""Texts that clients send, checked once and for all: JSON bodies and multipart fields share these."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from fenfa.errors import BadInput
from fenfa.services.texts import has_controls
from fenfa.web.i18n import marked

LINE, PROSE = 255, 65_536  # the sentences below name them, whole, so that they can be translated
_DAY = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")


def line(text: str) -> str:
    """One line: no control characters, at most 255 characters, outer blanks dropped."""
    if has_controls(text):
        raise ValueError(marked("must not hold control characters or line breaks"))
    if len(text) > LINE:
        raise ValueError(marked("must be at most 255 characters long"))
    return text.strip()


def prose(text: str) -> str:
    """Lines of text: line breaks are `\\n`, at most 65,536 characters."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    if has_controls(lines, prose=True):
        raise ValueError(marked("must not hold control characters"))
    if len(lines) > PROSE:
        raise ValueError(marked("must be at most 65536 characters long"))
    return lines


def _filled(text: str) -> str:
    if not text:
        raise ValueError(marked("must not be empty"))
    return text


def day(text: str) -> str:
    """`YYYY-MM-DD`, or nothing."""
    if text and not _DAY.fullmatch(text):
        raise ValueError(marked("must be a date, YYYY-MM-DD"))
    return text


Line = Annotated[str, AfterValidator(line)]
Name = Annotated[str, AfterValidator(line), AfterValidator(_filled)]
Prose = Annotated[str, AfterValidator(prose)]
Day = Annotated[str, AfterValidator(day)]
Build = Annotated[int, Field(ge=0, le=2**63 - 1)]


def checked_line(name: str, text: str) -> str:
    """The same for multipart fields: raises BadInput with the field's name."""
    try:
        return line(text)
    except ValueError as error:
        raise BadInput(f"{name} {error}") from None


def checked_prose(name: str, text: str) -> str:
    try:
        return prose(text)
    except ValueError as error:
        raise BadInput(f"{name} {error}") from None


def checked_build(text: str) -> int | None:
    if not text.strip():
        return None
    if not re.fullmatch(r"\d{1,19}", text.strip()) or int(text) > 2**63 - 1:
        raise BadInput("build must be a whole number")
    return int(text)
