"""Where a package could go: the variants it belongs to, products that lack one for it, and a product of its own."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection, or_, select

from fenfa.db.tables import products, variants
from fenfa.errors import NotFound, Sentence
from fenfa.inspectors.base import PackageInfo
from fenfa.services import packages
from fenfa.services.doubts import doubts_about
from fenfa.services.homes import UploadRequest
from fenfa.services.records import Page, Record, fetch_all
from fenfa.services.variants import get_variant, list_all_variants, list_variants, match_variants
from fenfa.vocabulary import FILE_TYPES, Platform, file_type

NEW = "new"
_MOST = 200


@dataclass(frozen=True)
class Place:
    """A variant (with its product's `product_…`), or a new variant of `product`, or, without either, a new product."""

    variant: Record | None = None
    product: Record | None = None
    doubts: list[Sentence] = field(default_factory=list)

    @property
    def key(self) -> str:
        return str((self.variant or self.product or {"id": NEW})["id"])


@dataclass(frozen=True)
class Places:
    """`near` begins with what is most likely; `best` is the key of the one that is meant, empty where a person must say.
    `others` are the remaining variants that take such a file, `platforms` those that a new variant may be for."""

    near: list[Place]
    best: str
    others: list[Record]
    platforms: list[Platform]


def find_places(connection: Connection, request: UploadRequest, package: PackageInfo, sha256: str) -> Places:
    """`request` may name the variant or the product that was open when the file came."""
    search = _Search(connection, request, package)
    near = [Place(v, doubts=doubts_about(connection, package, v, sha256)) for v in search.variants()]
    near += [*(Place(product=product) for product in search.products()), Place()]
    known = {place.key for place in near}
    others = [v for v in search.all_that_take_it() if v["id"] not in known]
    return Places(near, search.best(), others, search.platforms)


class _Search:
    def __init__(self, connection: Connection, request: UploadRequest, package: PackageInfo) -> None:
        self._connection, self._package = connection, package
        self._identity = packages.identity(package)
        self.platforms = _platforms(request, package)
        self._wanted = self._find_wanted(request)
        self._product_id = request.product_id or (self._wanted or {}).get("product_id")
        self._fits = self._find_fits()
        self._nameless = self._find_nameless()
        self._siblings = self._find_siblings()

    def variants(self) -> list[Record]:
        found = [*([self._wanted] if self._wanted else []), *self._fits, *self._nameless]
        return list({variant["id"]: variant for variant in found}.values())

    def products(self) -> list[Record]:
        """Those that could get a new variant."""
        return self._siblings

    def all_that_take_it(self) -> list[Record]:
        found = (v for p in self.platforms for v in list_all_variants(self._connection, Page(_MOST), p).items)
        return sorted(found, key=lambda variant: (variant["product_name"].casefold(), variant["sort_order"]))

    def best(self) -> str:
        if self._wanted:
            return "" if packages.contradiction(self._package, self._wanted) else str(self._wanted["id"])
        if self._fits:
            return _only(self._narrowed())
        if self._product_id:
            return _only(self._nameless) if self._nameless else self._product_id if self._is_told else ""
        return _only(self._siblings) if self._siblings else NEW if self._is_told else ""

    @property
    def _is_told(self) -> bool:
        """Whether a new variant needs no further word of a person."""
        return len(self.platforms) == 1

    def _narrowed(self) -> list[Record]:
        """Those of the product that was open; of several those for the package's architecture."""
        mine = [v for v in self._fits if self._product_id in (None, v["product_id"])]
        same = [v for v in mine if v["arch"] and v["arch"] in (*self._package.arch, ", ".join(self._package.arch))]
        return same if len(mine) > 1 and same else mine

    def _find_wanted(self, request: UploadRequest) -> Record | None:
        try:
            variant = get_variant(self._connection, request.variant_id or "")
        except NotFound:  # none was open, or it was deleted since
            return None
        return variant if variant["platform"] in self.platforms else None

    def _find_fits(self) -> list[Record]:
        if self._package.platform is None or not self._identity:
            return []
        return match_variants(self._connection, self._package.platform, self._identity)

    def _find_nameless(self) -> list[Record]:
        """Variants of the open product that were made by hand and wait for their first package."""
        mine = list_variants(self._connection, self._product_id) if self._product_id else []
        waiting = (v for v in mine if v["platform"] in self.platforms and not v["identifier"])
        return [get_variant(self._connection, variant["id"]) for variant in waiting]

    def _find_siblings(self) -> list[Record]:
        """The open product; else those with the package's identifier or name that have no variant for its platform."""
        query = select(products).order_by(products.c.seq)
        if self._product_id:
            return fetch_all(self._connection, query.where(products.c.id == self._product_id))
        here = select(variants.c.product_id).where(variants.c.platform.in_(self.platforms))
        named = select(variants.c.product_id).where(variants.c.identifier == self._identity)
        same = or_(products.c.id.in_(named), products.c.name == packages.product_values(self._package, "")["name"])
        lacking = products.c.id.not_in(here)
        return fetch_all(self._connection, query.where(same, lacking)) if self._identity or self._package.name else []


def _platforms(request: UploadRequest, package: PackageInfo) -> list[Platform]:
    """What a variant for this file can be for."""
    ending = file_type(request.file_name)
    taking = [platform for platform, types in FILE_TYPES.items() if ending in types]
    return [package.platform] if package.platform in taking else taking


def _only(records: Iterable[Record]) -> str:
    """The ID where there is one alone."""
    ids = [str(record["id"]) for record in records]
    return ids[0] if len(ids) == 1 else ""
