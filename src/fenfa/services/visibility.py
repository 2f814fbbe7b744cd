"""The one gate before page, JSON, manifest, icon, download and every other public answer."""

from dataclasses import dataclass

from fenfa.errors import NotFound
from fenfa.services.records import Record


@dataclass(frozen=True)
class Viewer:
    """Who looks. An admin sees what is not published."""

    is_admin: bool = False


PUBLIC = Viewer()


def visible(record: Record, viewer: Viewer) -> bool:
    """`record` is a product, or a variant or release that was read with its parents' `…_published`."""
    flags = ("published", "variant_published", "product_published")
    return viewer.is_admin or all(record.get(flag, True) for flag in flags)


def require_visible(record: Record, viewer: Viewer, missing: str) -> Record:
    """The record itself; `NotFound(missing)` when the viewer must not know that it exists."""
    if not visible(record, viewer):
        raise NotFound(missing)
    return record
