"""Markdown of changelogs: useful, and never more than text."""

import pytest

from fenfa.web.markdown import render_markdown
from tests.support.payloads import PAYLOADS

REL = 'rel="noopener nofollow ugc"'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("- one\n- **two**", "<ul>\n<li>one</li>\n<li><strong>two</strong></li>\n</ul>\n"),
        ("a\nb", "<p>a<br>\nb</p>\n"),
        ("# Big\n### Small", "<h3>Big</h3>\n<h4>Small</h4>\n"),
        ("## Only", "<h3>Only</h3>\n"),
        ("[x](https://example.com/)", f'<p><a href="https://example.com/" {REL}>x</a></p>\n'),
        ("[x](//example.com/)", f"<p><a {REL}>x</a></p>\n"),
        ("[x](/admin)", f"<p><a {REL}>x</a></p>\n"),
        ("![x](https://example.com/x.png)", f'<p><a href="https://example.com/x.png" {REL}>x</a></p>\n'),
        ("![](https://e.com/x.png)", f'<p><a href="https://e.com/x.png" {REL}>https://e.com/x.png</a></p>\n'),
        ("[![x](https://e.com/x)](https://e.com)", f'<p><a href="https://e.com" {REL}>x</a></p>\n'),
        ("![x](javascript:alert(1))", "<p>![x](javascript:alert(1))</p>\n"),
        (
            "see https://e.com/a?b=1&c.",
            f'<p>see <a href="https://e.com/a?b=1&amp;c" {REL}>https://e.com/a?b=1&amp;c</a>.</p>\n',
        ),
        ("（https://e.com/中）", f'<p>（<a href="https://e.com/中" {REL}>https://e.com/中</a>）</p>\n'),
        ("`https://e.com`", "<p><code>https://e.com</code></p>\n"),
        ("[https://e.com](https://e.com/x)", f'<p><a href="https://e.com/x" {REL}>https://e.com</a></p>\n'),
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
