"""Markdown of changelogs: useful, and never more than text."""

import pytest

from fenfa.web.markdown import render_markdown
from tests.support.payloads import PAYLOADS


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("- one\n- **two**", "<ul>\n<li>one</li>\n<li><strong>two</strong></li>\n</ul>\n"),
        ("a\nb", "<p>a<br>\nb</p>\n"),
        ("# Big\n### Small", "<h3>Big</h3>\n<h4>Small</h4>\n"),
        ("## Only", "<h3>Only</h3>\n"),
        ("[x](https://example.com/)", '<p><a href="https://example.com/" rel="noopener nofollow ugc">x</a></p>\n'),
        ("[x](//example.com/)", '<p><a rel="noopener nofollow ugc">x</a></p>\n'),
        ("[x](/admin)", '<p><a rel="noopener nofollow ugc">x</a></p>\n'),
        ("![x](https://example.com/x.png)", "<p></p>\n"),
        ("1 < 2 & 3", "<p>1 &lt; 2 &amp; 3</p>\n"),
        ("", ""),
    ],
)
def test_what_it_makes(text: str, html: str) -> None:
    assert render_markdown(text) == html


def test_no_payload_gets_through() -> None:
    for payload in PAYLOADS:
        made = render_markdown(payload).lower()
        tags = made.replace("&lt;", "").replace("&gt;", "")
        assert "<script" not in tags, payload
        assert "<img" not in tags, payload
        assert 'href="javascript' not in made, payload
        assert not any(
            f"<{tag}" in tags for tag in ("svg", "iframe", "math", "object", "form", "style", "base", "meta")
        ), payload
