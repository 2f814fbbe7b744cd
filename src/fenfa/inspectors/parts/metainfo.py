"""AppStream metainfo, which says what a Linux app is. Source: freedesktop.org's "AppStream" specification."""

from typing import NamedTuple

from fenfa.inspectors.parts import xmlsafe
from fenfa.inspectors.parts.xmlsafe import Element

MAX_BYTES = 2 << 20
ENDINGS = (".metainfo.xml", ".appdata.xml")


class MetaInfo(NamedTuple):
    identifier: str
    name: str
    summary: str
    version: str


def read_metainfo(data: bytes) -> MetaInfo:
    """The component; its version is that of the first release, which is the newest."""
    root = xmlsafe.parse(data, "the metainfo file")
    release = next(root.find("releases").all("release"), Element("", {}))
    return MetaInfo(
        root.find("id").text.removesuffix(".desktop"),
        _plain(root, "name"),
        _plain(root, "summary"),
        release.get("version"),
    )


def _plain(root: Element, name: str) -> str:
    """The text without a language of its own."""
    found = (child for child in root.children if child.name == name and "lang" not in child.attributes)
    return next(found, Element("", {})).text
