"""Titles that are the same in every language."""

from fenfa.services.records import Record
from fenfa.vocabulary import PLATFORM_NAMES


def variant_title(variant: Record) -> str:
    """`iOS`, `macOS · arm64`: what tells a variant from its siblings. `variant` holds its `product_name`."""
    own_name = variant["display_name"] if variant["display_name"] != variant["product_name"] else ""
    return " · ".join(filter(None, (PLATFORM_NAMES[variant["platform"]], variant["arch"], own_name)))
