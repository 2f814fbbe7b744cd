"""Languages: which one a visitor reads, and the texts, dates and sizes in it."""

import gettext
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from babel import Locale, dates, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

_LOCALES = Path(__file__).parent / "locale"
_UNITS = ("B", "KB", "MB", "GB", "TB")


class Language(NamedTuple):
    """`code` as it stands in cookies and in `lang`, `locale` as Babel calls it, `name` in the language itself."""

    code: str
    locale: str
    name: str

    @property
    def rules(self) -> Locale:
        """How dates and numbers are written. Babel reads them anew for every date that is given a name instead."""
        return _rules(self.locale)


@cache
def _rules(locale: str) -> Locale:
    return Locale.parse(locale)


LANGUAGES = (Language("en", "en", "English"), Language("zh", "zh_CN", "简体中文"))
ENGLISH = LANGUAGES[0]
READERS = "package reader"  # the context of what package readers say


def marked(text: str) -> str:
    """Marks a text for the catalogue; it is translated where it is shown."""
    return text


def find_language(code: str) -> Language | None:
    return next((language for language in LANGUAGES if language.code == code), None)


@lru_cache(maxsize=512)
def preferred_language(accept: str) -> Language:
    """The first language of an Accept-Language header, by weight, that we have; English without one."""
    ranked = sorted((_ranked(part) for part in accept.split(",")), key=lambda pair: -pair[0])
    found = (find_language(tag.partition("-")[0]) for weight, tag in ranked if weight > 0)
    return next(filter(None, found), ENGLISH)


def _ranked(part: str) -> tuple[float, str]:
    tag, _, weight = part.strip().lower().partition(";q=")
    try:
        return (float(weight) if weight else 1.0), tag.strip()
    except ValueError:
        return 0.0, tag


@cache
def translations(language: Language) -> gettext.NullTranslations:
    """The catalogue, compiled when it is first asked for."""
    file = _LOCALES / language.locale / "LC_MESSAGES" / "fenfa.po"
    if language == ENGLISH:
        return gettext.NullTranslations()
    compiled = BytesIO()
    with file.open("rb") as source:
        write_mo(compiled, read_po(source, locale=language.locale))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def reader_texts(language: Language) -> dict[str, str]:
    """Forms of sentences that package readers fill in, with their translations; see `fenfa.web.recognition`."""
    known = getattr(translations(language), "_catalog", {})
    opening = f"{READERS}\x04"  # how gettext keeps a context
    return {text.removeprefix(opening): said for text, said in known.items() if str(text).startswith(opening)}


def readable_size(size: float, language: Language = ENGLISH) -> str:
    """1536 → `1.5 KB`, in steps of 1024."""
    unit = 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    digits = "0" if unit == 0 or size >= 100 else "0.0"
    return f"{numbers.format_decimal(size, digits, language.rules, group_separator=False)} {_UNITS[unit]}"


@lru_cache(maxsize=8192)
def readable_number(number: float, language: Language) -> str:
    return numbers.format_decimal(number, locale=language.rules)


def readable_day(stamp: str, language: Language) -> str:
    """`2026-11-25T…` → `Nov 25, 2026`, `2026年11月25日`."""
    return dates.format_date(_moment(stamp), "medium", language.rules) if stamp else ""


def readable_moment(stamp: str, language: Language) -> str:
    """To the minute, in UTC and saying so."""
    return f"{dates.format_datetime(_moment(stamp), 'medium', locale=language.rules)} UTC" if stamp else ""


def readable_share(share: float, language: Language) -> str:
    """0.123 → `12%`."""
    return numbers.format_percent(share, locale=language.rules)


def readable_distance(stamp: str, now: datetime, language: Language) -> str:
    """`3 days ago`, `in 2 months`."""
    return dates.format_timedelta(_moment(stamp) - now, add_direction=True, locale=language.rules)


@lru_cache(maxsize=4096)
def readable_days(start: date, end: date, language: Language) -> str:
    """`Nov 2, 2026`, `Nov 2 – 8, 2026`; `2026年11月2日至8日`."""
    if start == end:
        return dates.format_date(start, "medium", language.rules)
    return dates.format_interval(start, end, "yMMMd", locale=language.rules)


def short_day(day: date, language: Language, *, with_year: bool = False) -> str:
    """`Nov 2`, `11月2日`; with the year the month alone: `Nov 2026`, `2026年11月`."""
    return dates.format_skeleton("yMMM" if with_year else "MMMd", day, locale=language.rules)


def _moment(stamp: str) -> datetime:
    moment = datetime.fromisoformat(stamp.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
