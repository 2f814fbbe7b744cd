"""Changelogs and descriptions: Markdown in, HTML out that holds nothing but text, lists and links to elsewhere."""

import re
from collections.abc import Iterator
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

_TAGS = {
    *("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a"),
    *("h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
_SCHEMES = {"http", "https", "mailto"}
_ABSOLUTE = re.compile(r"(?:https?://|mailto:)[^\s]+", re.IGNORECASE)
_ADDRESS = re.compile(r"(https?://[^\s<>\"']*[^\s<>\"'.,:;!?…，。；：！？)\]}）】])")
_parser = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])


@lru_cache(maxsize=1024)
def render_markdown(text: str) -> Markup:
    """Safe whatever the text: no HTML of its own, links only to absolute http, https and mailto addresses.

    Headings begin at the third level, below those of the page. Plain addresses become links, and pictures links to them.
    """
    tokens = _parser.parse(text)
    _lower_headings(tokens)
    for token in tokens:
        token.children = list(_linked(token.children)) if token.children else None
    html = _parser.renderer.render(tokens, _parser.options, {})
    clean = nh3.clean(
        html,
        tags=_TAGS,
        attributes={"a": {"href"}, "ol": {"start"}},
        attribute_filter=_only_absolute,
        url_schemes=_SCHEMES,
        link_rel="noopener nofollow ugc",
    )
    return Markup(clean)  # noqa: S704 -- this is what the cleaning is for


def _lower_headings(tokens: list[Token]) -> None:
    """None of them leaves out a level, whatever the author did."""
    levels = [int(token.tag[1]) for token in tokens if token.type == "heading_open"]
    shift, above = 3 - min(levels, default=3), 2
    for token in tokens:
        if token.type == "heading_open":
            above = min(int(token.tag[1]) + shift, above + 1, 6)
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{above}"


def _linked(tokens: list[Token]) -> Iterator[Token]:
    """The inline tokens, with links for addresses and pictures outside of links."""
    depth = 0
    for token in tokens:
        depth += token.nesting if token.type in ("link_open", "link_close") else 0
        if token.type == "image":
            source = str(token.attrs.get("src", ""))
            yield from [_text(token.content)] if depth else _link(source, token.content or source)
        elif token.type == "text" and not depth:
            yield from _with_addresses(token.content)
        else:
            yield token


def _with_addresses(text: str) -> Iterator[Token]:
    for number, part in enumerate(_ADDRESS.split(text)):
        yield from _link(part, part) if number % 2 else [_text(part)]


def _link(address: str, text: str) -> list[Token]:
    return [Token("link_open", "a", 1, attrs={"href": address}), _text(text), Token("link_close", "a", -1)]


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _only_absolute(tag: str, attribute: str, value: str) -> str | None:
    return value if attribute != "href" or _ABSOLUTE.fullmatch(value) else None
