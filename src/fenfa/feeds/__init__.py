"""Machine-readable lists of releases."""

from fenfa.feeds.base import Feed
from fenfa.feeds.ios_manifest import write_manifest

IOS_MANIFEST = Feed("ios-manifest", "application/xml", write_manifest)
FEEDS = (IOS_MANIFEST,)
