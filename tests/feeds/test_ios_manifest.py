"""The feed alone: plain values in, bytes out."""

import plistlib
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenfa.feeds import FEEDS, IOS_MANIFEST
from fenfa.feeds.base import FeedItem

GOLDEN = b"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
\t<key>items</key>
\t<array>
\t\t<dict>
\t\t\t<key>assets</key>
\t\t\t<array>
\t\t\t\t<dict>
\t\t\t\t\t<key>kind</key>
\t\t\t\t\t<string>software-package</string>
\t\t\t\t\t<key>url</key>
\t\t\t\t\t<string>https://get.example.com/d/rel_1?a=1&amp;b=2</string>
\t\t\t\t</dict>
\t\t\t</array>
\t\t\t<key>metadata</key>
\t\t\t<dict>
\t\t\t\t<key>bundle-identifier</key>
\t\t\t\t<string>com.example.app</string>
\t\t\t\t<key>bundle-version</key>
\t\t\t\t<string>1.2.0</string>
\t\t\t\t<key>kind</key>
\t\t\t\t<string>software</string>
\t\t\t\t<key>title</key>
\t\t\t\t<string>Tom &amp; &lt;Jerry&gt;</string>
\t\t\t</dict>
\t\t</dict>
\t</array>
</dict>
</plist>
"""


def test_golden() -> None:
    item = FeedItem("Tom & <Jerry>", "com.example.app", "1.2.0", "https://get.example.com/d/rel_1?a=1&b=2")
    assert IOS_MANIFEST.write([item]) == GOLDEN
    assert IOS_MANIFEST in FEEDS
    assert IOS_MANIFEST.media_type == "application/xml"


@given(st.text(), st.text(), st.text())
def test_any_text_is_well_formed_and_parses_back(title: str, identifier: str, version: str) -> None:
    written = IOS_MANIFEST.write([FeedItem(title, identifier, version, "https://x/d/1", "https://x/icon")])
    ElementTree.fromstring(written)
    metadata = plistlib.loads(written)["items"][0]["metadata"]
    assert metadata["kind"] == "software"
    kept = {"title": title, "bundle-identifier": identifier}
    for name, text in kept.items():
        if text.isprintable():
            assert metadata[name] == text
    assert metadata["bundle-version"] != ""


@pytest.mark.parametrize("text", ["\0", "\x1f", "\ufffe", "\ud800", "a\x0bb"])
def test_what_no_xml_may_hold_is_dropped(text: str) -> None:
    written = IOS_MANIFEST.write([FeedItem(text, "x", "1", "https://x/d/1")])
    assert plistlib.loads(written)["items"][0]["metadata"]["title"] in ("", "ab")
