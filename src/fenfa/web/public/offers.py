"""What a product page offers: for each platform a build and its button, the visitor's own first."""

from dataclasses import dataclass
from typing import Any

from fenfa.errors import NotFound
from fenfa.services.doctor import ADVICE, Obstacle, Target, diagnose
from fenfa.services.records import Record
from fenfa.vocabulary import Platform
from fenfa.web.i18n import marked
from fenfa.web.visitor import Visitor
from fenfa.web.words import PLATFORM_NAMES

_ARCH_NAMES = {
    ("macos", "arm64"): marked("Apple silicon"),
    ("macos", "x86_64"): marked("Intel"),
    ("macos", "universal"): marked("Universal"),
}
_ALIASES = {
    "x86_64": "x64",
    "amd64": "x64",
    "aarch64": "arm64",
    "arm64-v8a": "arm64",
    "image_file_machine_amd64": "x64",
}


@dataclass(frozen=True)
class Offer:
    """One variant with the release that is shown of it. `arch` is a word to translate, empty where it goes without saying."""

    variant: dict[str, Any]
    release: dict[str, Any] | None
    platform_name: str
    arch: str
    obstacles: list[Obstacle]

    @property
    def id(self) -> str:
        return str(self.variant["id"])

    @property
    def platform(self) -> str:
        return str(self.variant["platform"])

    @property
    def obstacle(self) -> Obstacle | None:
        """The gravest."""
        return self.obstacles[0] if self.obstacles else None

    @property
    def is_blocked(self) -> bool:
        return any(obstacle not in ADVICE for obstacle in self.obstacles)


@dataclass(frozen=True)
class Shelf:
    """`first` is what the big button is for, `others` is the rest, the visitor's platform first."""

    first: Offer | None
    others: list[Offer]
    is_for_visitor: bool


def arrange(
    variants: list[dict[str, Any]],
    raw: dict[str, list[Record]],
    visitor: Visitor,
    target: Target,
    release_id: str,
    variant_id: str,
) -> Shelf:
    """`variants` are those of the public JSON, `raw` their releases as stored. What a link asks for comes first; an unknown
    release or variant of a link raises NotFound."""
    offers = [_offer(variant, raw[variant["id"]], target, release_id) for variant in variants]
    _require_known(offers, release_id, variant_id)
    ranked = sorted(offers, key=lambda offer: _rank(offer, visitor, release_id, variant_id))
    first = ranked[0] if ranked else None
    return Shelf(first, ranked[1:], first is not None and first.platform == visitor.platform)


def same_arch(one: str, other: str) -> bool:
    return _ALIASES.get(one.lower(), one.lower()) == _ALIASES.get(other.lower(), other.lower())


def _offer(variant: dict[str, Any], raw: list[Record], target: Target, release_id: str) -> Offer:
    places = [number for number, release in enumerate(raw) if release["id"] == release_id]
    place = places[0] if places else 0
    release = variant["releases"][place] if raw else None
    obstacles = diagnose(raw[place], variant["platform"], target) if raw else []
    return Offer(variant, release, PLATFORM_NAMES[variant["platform"]], _arch_name(variant), obstacles)


def _require_known(offers: list[Offer], release_id: str, variant_id: str) -> None:
    if release_id and not any(offer.release and offer.release["id"] == release_id for offer in offers):
        raise NotFound("this release is no longer here")
    if variant_id and not any(offer.id == variant_id for offer in offers):
        raise NotFound("this variant is no longer here")


def _rank(offer: Offer, visitor: Visitor, release_id: str, variant_id: str) -> tuple[bool, bool, bool, int]:
    """Asked for, on the visitor's platform, not empty, of the visitor's processor; then as the product orders them."""
    is_asked = offer.id == variant_id or bool(offer.release and offer.release["id"] == release_id)
    return not is_asked, offer.platform != visitor.platform, offer.release is None, _arch_rank(offer, visitor)


def _arch_rank(offer: Offer, visitor: Visitor) -> int:
    arch = offer.variant["arch"].lower()
    if visitor.arch and same_arch(arch, visitor.arch):
        return 0
    if _is_universal(arch) or not arch:
        return 1
    usual = "arm64" if offer.platform == Platform.MACOS else "x64"
    return 2 if not visitor.arch and same_arch(arch, usual) else 3


def _is_universal(arch: str) -> bool:
    return arch == "universal" or ("arm64" in arch and "x86_64" in arch)


def _arch_name(variant: dict[str, Any]) -> str:
    platform, arch = variant["platform"], variant["arch"]
    if platform in (Platform.IOS, Platform.ANDROID):
        return ""
    return _ARCH_NAMES.get((platform, "universal" if _is_universal(arch.lower()) else arch.lower()), str(arch))
