"""The feed alone: plain values in, bytes out."""

import plistlib
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
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


WORDS = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1)


@settings(max_examples=2_500, derandomize=True, deadline=None, database=None)
@given(st.tuples(WORDS, WORDS, WORDS, WORDS))
def test_ten_thousand_releases_parse_back_as_they_were(words: tuple[str, ...]) -> None:
    """Four releases of each four words, every word in every place."""
    turns = [words[place:] + words[:place] for place in range(4)]
    items = [FeedItem(a, b, c, f"https://get.example.com/d/{d}", f"https://{quote(d)}") for a, b, c, d in turns]
    for item, entry in zip(items, plistlib.loads(IOS_MANIFEST.write(items))["items"], strict=True):
        assert entry["metadata"] == {
            "bundle-identifier": item.identifier,
            "bundle-version": item.version,
            "kind": "software",
            "title": item.title,
        }
        assert [asset["url"] for asset in entry["assets"]] == [item.download_url, item.icon_url, item.icon_url]


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
