"""What the totals of a report are made of: products, variants, releases, systems, programs."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from fenfa.services.agents import sum_programs, sum_systems
from fenfa.services.records import Record
from fenfa.services.statistics import Report, Subject
from fenfa.vocabulary import PLATFORM_NAMES
from fenfa.web.admin.narrowing import release_name, variant_name
from fenfa.web.charts import share_of
from fenfa.web.i18n import Language, marked, readable_share, translations

_MOST = 8
Named = tuple[str, int, str]  # what it is called, how often it was, where more of it is shown


@dataclass(frozen=True)
class Part:
    """One row: `width` of its bar in percent of the longest, `share` of the whole as people read it."""

    name: str
    value: int
    share: str
    width: float
    link: str


@dataclass(frozen=True)
class Breakdown:
    """The largest parts, the rest of them as one."""

    title: str
    parts: list[Part]


def breakdowns_of(
    report: Report, chosen: Subject, measure: str, language: Language, link: Callable[..., str]
) -> list[Breakdown]:
    """Those that say something: no list of products where one is chosen, and so on."""
    text = translations(language).gettext
    places = Places(report.places, measure, text(marked("Deleted")), link)
    found = {
        marked("Products"): [] if chosen.product_id else places.sums("product", _product),
        marked("Variants"): places.sums("variant", _variant) if chosen.product_id and not chosen.variant_id else [],
        marked("Releases"): places.sums("release", _release) if chosen.product_id and not chosen.release_id else [],
        marked("Systems"): [(_system(one, text), one[measure], "") for one in sum_systems(report.agents)],
        marked("Browsers and apps"): [(_program(one, text), one[measure], "") for one in sum_programs(report.agents)],
    }
    others = text(marked("Others"))
    return [Breakdown(title, list(_parts(named, others, language))) for title, named in found.items() if named]


@dataclass(frozen=True)
class Places:
    """The places of a report, summed by one of their nouns. `gone` is what those are called that are no longer there."""

    places: list[Record]
    measure: str
    gone: str
    link: Callable[..., str]

    def sums(self, noun: str, name: Callable[[Record], str]) -> list[Named]:
        sums: Counter[str] = Counter()
        names: dict[str, str] = {}
        for place in self.places:
            if one := place[f"{noun}_id"]:
                sums[one] += place[self.measure]
                names[one] = name(place) or f"{self.gone} ({one[:8]}…)"
        return [(names[one], value, self.link(**{f"{noun}_id": one})) for one, value in sums.items()]


def _parts(named: Iterable[Named], others: str, language: Language) -> Iterator[Part]:
    ranked = sorted((one for one in named if one[1]), key=lambda one: (-one[1], one[0]))
    most_shown = _MOST if len(ranked) > _MOST + 1 else _MOST + 1  # a single one left over has a name of its own
    shown, rest = ranked[:most_shown], ranked[most_shown:]
    if rest:
        shown.append((others, sum(value for _, value, _ in rest), ""))
    whole, most = sum(value for _, value, _ in ranked), max((value for _, value, _ in shown), default=0)
    for name, value, link in shown:
        yield Part(name, value, _share(value / whole, language), share_of(value, most), link)


def _share(share: float, language: Language) -> str:
    return readable_share(share, language) if share >= 0.005 else f"<{readable_share(0.01, language)}"


def _product(place: Record) -> str:
    return place["product_name"] or ""


def _variant(place: Record) -> str:
    return variant_name(place, "variant_")


def _release(place: Record) -> str:
    if place["release_version"] is None:
        return ""
    return f"{PLATFORM_NAMES.get(place['variant_platform'], '')} {release_name(place, 'release_')}".strip()


def _system(one: Record, text: Callable[[str], str]) -> str:
    return f"{one['system']} {one['version']}".strip() or text(marked("Not told"))


def _program(one: Record, text: Callable[[str], str]) -> str:
    if one["is_installer"]:
        return text(marked("Installer of iOS"))
    if one["in_app"] and not one["program"]:
        return text(marked("Browser inside an app"))
    return one["program"] or text(marked("Not told"))
