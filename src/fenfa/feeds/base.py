"""What a feed takes and gives: plain values in, bytes out."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class FeedItem:
    """One release as a feed sees it. URLs are absolute; `icon_url` is empty without an icon."""

    title: str
    identifier: str
    version: str
    download_url: str
    icon_url: str = ""


@dataclass(frozen=True)
class Feed(Generic[T]):
    """One format: its media type and the function that writes it, of releases (`FeedItem`) or of items of its own."""

    name: str
    media_type: str
    write: Callable[[list[T]], bytes]
