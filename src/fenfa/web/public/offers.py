"""What a product page offers: for each platform its builds and their buttons, the visitor's own first."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from fenfa.errors import PartGone
from fenfa.services.arches import is_universal, plain_arch, plain_arches
from fenfa.services.doctor import Obstacle, Target, diagnose, is_blocked
from fenfa.services.records import Record
from fenfa.services.visitor import Visitor
from fenfa.vocabulary import PLATFORM_NAMES, Platform
from fenfa.web.i18n import marked

_ARCH_NAMES = {
    ("macos", "arm64"): marked("Apple silicon"),
    ("macos", "x64"): marked("Intel"),
    ("android", "arm64"): marked("64-bit ARM"),
    ("android", "arm"): marked("32-bit ARM"),
    ("windows", "x64"): marked("64-bit"),
    ("windows", "x86"): marked("32-bit"),
    ("windows", "arm64"): "ARM64",
    ("linux", "x64"): "x86-64",
    ("linux", "arm64"): "ARM64",
}
_USUAL = {Platform.MACOS: "arm64", Platform.ANDROID: "arm64", Platform.IOS: "arm64"}  # elsewhere x64
_MOST_TRIED = 50  # older releases that are looked at for one that installs


@dataclass(frozen=True)
class Offer:
    """One variant with the release that is shown of it.

    `instead` is the newest other release that would install where the shown one does not. `arch` (a text to translate), `kind`
    and `name` are what tells it from the other builds of its platform, empty where that goes without saying.
    """

    variant: dict[str, Any]
    release: dict[str, Any] | None
    obstacles: list[Obstacle]
    instead: dict[str, Any] | None = None
    arch: str = ""
    kind: str = ""
    name: str = ""

    @property
    def id(self) -> str:
        return str(self.variant["id"])

    @property
    def platform(self) -> str:
        return str(self.variant["platform"])

    @property
    def platform_name(self) -> str:
        return PLATFORM_NAMES[self.platform]

    @property
    def obstacle(self) -> Obstacle | None:
        """The gravest."""
        return self.obstacles[0] if self.obstacles else None

    @property
    def is_blocked(self) -> bool:
        return is_blocked(self.obstacles)

    @property
    def is_newest(self) -> bool:
        return self.release is self.variant["latest_release"]


@dataclass(frozen=True)
class Shelf:
    """`first` is what the big button is for, `twins` are the other builds of its platform, `groups` the other platforms'.
    `own` is the visitor's build where a link asked for that of another platform."""

    first: Offer | None
    twins: list[Offer]
    groups: list[list[Offer]]
    is_for_visitor: bool

    @property
    def is_empty(self) -> bool:
        return not any(offer.release for platform in Platform for offer in self.of(platform))

    def of(self, platform: str) -> list[Offer]:
        """The builds of this platform, the best for the visitor first."""
        own = [self.first, *self.twins] if self.first else []
        return [offer for group in (own, *self.groups) for offer in group if offer.platform == platform]

    @property
    def own(self) -> Offer | None:
        mine = [offer for group in self.groups for offer in group if Obstacle.OTHER_PLATFORM not in offer.obstacles]
        return next((offer for offer in mine if offer.release), None) if self._is_asked_for_another else None

    @property
    def _is_asked_for_another(self) -> bool:
        return self.first is not None and Obstacle.OTHER_PLATFORM in self.first.obstacles


class Wish(NamedTuple):
    """What a link asks for by `?r=` and `?variant=`; empty: nothing."""

    release_id: str = ""
    variant_id: str = ""


def arrange(view: dict[str, Any], raw: dict[str, list[Record]], visitor: Visitor, target: Target, wish: Wish) -> Shelf:
    """`view` is the public JSON, `raw` its variants' releases as stored. What a link asks for comes first; an unknown release
    or variant of a link raises PartGone."""
    offers = [_offer(variant, raw[variant["id"]], target, wish) for variant in view["variants"]]
    _require_known(offers, wish)
    ranked = (sorted(group, key=_Rank(visitor, wish)) for group in _by_platform(offers))
    groups = [_told_apart(group, view["product"]["name"]) for group in ranked]
    groups.sort(key=lambda group: _group_rank(group[0], visitor, wish))
    if not groups:
        return Shelf(None, [], [], is_for_visitor=False)
    first, *twins = groups[0]
    return Shelf(first, twins, groups[1:], is_for_visitor=first.platform == visitor.platform)


def _offer(variant: dict[str, Any], raw: list[Record], target: Target, wish: Wish) -> Offer:
    if not raw:
        return Offer(variant, None, [])
    places = [number for number, release in enumerate(raw) if release["id"] == wish.release_id]
    place = places[0] if places else 0
    platform, shown = variant["platform"], variant["releases"]
    obstacles = diagnose(raw[place], platform, target)
    is_elsewhere = not is_blocked(obstacles) or Obstacle.OTHER_PLATFORM in obstacles
    tried = () if is_elsewhere else enumerate(raw[:_MOST_TRIED])
    good = (number for number, release in tried if not is_blocked(diagnose(release, platform, target)))
    instead = next(good, None)
    return Offer(variant, shown[place], obstacles, None if instead is None else shown[instead])


def _require_known(offers: list[Offer], wish: Wish) -> None:
    if wish.release_id and not any(offer.release and offer.release["id"] == wish.release_id for offer in offers):
        raise PartGone("this release is no longer here")
    if wish.variant_id and not any(offer.id == wish.variant_id for offer in offers):
        raise PartGone("this variant is no longer here")


def _by_platform(offers: list[Offer]) -> Iterable[list[Offer]]:
    """In the order of each platform's first variant."""
    groups: dict[str, list[Offer]] = {}
    for offer in offers:
        groups.setdefault(offer.platform, []).append(offer)
    return groups.values()


def _group_rank(best: Offer, visitor: Visitor, wish: Wish) -> tuple[bool, bool, bool]:
    """Asked for, the visitor's, not empty; then as the product orders them. An empty one is no answer to a visitor."""
    is_own = best.platform == visitor.platform and best.release is not None
    return not _is_asked(best, wish), not is_own, best.release is None


class _Rank:
    """Orders the builds of one platform; where nothing tells them apart, the product's order stays."""

    def __init__(self, visitor: Visitor, wish: Wish) -> None:
        self._visitor, self._wish = visitor, wish

    def __call__(self, offer: Offer) -> tuple[bool, bool, bool, bool, int]:
        kind = offer.release["file_ext"] if offer.release else ""
        is_strange = bool(self._visitor.packages) and kind != self._visitor.packages
        is_empty, is_stopped = offer.release is None, offer.is_blocked
        return not _is_asked(offer, self._wish), is_empty, is_stopped, is_strange, self._arch_rank(offer)

    def _arch_rank(self, offer: Offer) -> int:
        """The visitor's own processor, any, the usual one, others."""
        arch, mine = offer.variant["arch"], self._visitor.arch if offer.platform == self._visitor.platform else ""
        if mine and mine in plain_arches(arch):
            return 0
        if is_universal(arch):
            return 1
        usual = _USUAL.get(Platform(offer.platform), "x64")
        return 2 if usual in plain_arches(arch) else 3


def _is_asked(offer: Offer, wish: Wish) -> bool:
    is_shown = bool(wish.release_id and offer.release and offer.release["id"] == wish.release_id)
    return is_shown or offer.id == wish.variant_id


def _told_apart(group: list[Offer], product_name: str) -> list[Offer]:
    """The same offers with the words that tell them apart."""
    arches = {_arch_name(offer) for offer in group}
    kinds = {offer.release["file_ext"] for offer in group if offer.release}
    names = {offer.variant["display_name"] for offer in group} | {product_name}
    return [
        replace(
            offer,
            arch=_arch_name(offer) if len(arches) > 1 or offer.platform == Platform.MACOS else "",
            kind=f".{offer.release['file_ext']}" if offer.release and (len(kinds) > 1 or _is_choosy(offer)) else "",
            name=offer.variant["display_name"] if len(names) > 1 else "",
        )
        for offer in group
    ]


def _is_choosy(offer: Offer) -> bool:
    """Where people look at the type first: a Linux takes one kind of package and no other."""
    return offer.platform == Platform.LINUX


def _arch_name(offer: Offer) -> str:
    arch = offer.variant["arch"]
    if is_universal(arch) or offer.platform == Platform.IOS:
        return ""
    best = next((one for one in ("arm64", "x64") if one in plain_arches(arch)), plain_arch(arch))
    return _ARCH_NAMES.get((offer.platform, best), str(arch))
