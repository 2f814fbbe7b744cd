"""The manifest that `itms-services` fetches: Apple's "Distribute proprietary in-house apps" describes its keys."""

import plistlib
import re
from typing import Any

from fenfa.feeds.base import FeedItem

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NO_VERSION = "1.0"  # iOS refuses a manifest without one


def write_manifest(items: list[FeedItem]) -> bytes:
    return plistlib.dumps({"items": [_entry(item) for item in items]}, sort_keys=False)


def _entry(item: FeedItem) -> dict[str, Any]:
    assets: list[dict[str, Any]] = [{"kind": "software-package", "url": item.download_url}]
    if item.icon_url:
        kinds = ("display-image", "full-size-image")
        assets += [{"kind": kind, "needs-shine": False, "url": item.icon_url} for kind in kinds]
    metadata = {
        "bundle-identifier": _xml(item.identifier),
        "bundle-version": _xml(item.version) or _NO_VERSION,
        "kind": "software",
        "title": _xml(item.title),
    }
    return {"assets": assets, "metadata": metadata}


def _xml(text: str) -> str:
    """Without the characters that no XML may hold."""
    return _NOT_XML.sub("", text)
