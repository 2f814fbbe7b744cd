"""Machine-readable lists of releases, and of what ends."""

from typing import Any

from fenfa.feeds.base import Feed
from fenfa.feeds.calendar import write_calendar
from fenfa.feeds.ios_manifest import write_manifest

IOS_MANIFEST = Feed("ios-manifest", "application/xml", write_manifest)
CALENDAR = Feed("calendar", "text/calendar", write_calendar)
FEEDS: tuple[Feed[Any], ...] = (IOS_MANIFEST, CALENDAR)
