"""What is handed out of a variant or a release: links, QR code, and ready texts for CI. Shown by `templates/admin/share.html`."""

import re
from dataclasses import dataclass

from fenfa.services.records import Record
from fenfa.vocabulary import Platform
from fenfa.web.snippets import Snippet, snippets
from fenfa.web.urls import Urls

_DESKTOP = (Platform.MACOS, Platform.WINDOWS, Platform.LINUX)


@dataclass(frozen=True)
class Share:
    """`page` is the link to send, `code` the same short enough for a QR code, `install` empty but for an iOS release,
    `latest` the link that always leads to the newest build. `is_public`: the page shows it."""

    page: str
    code: str
    install: str
    latest: str
    snippets: tuple[Snippet, ...]
    is_public: bool
    is_https: bool


def share_of(variant: Record, urls: Urls, release_id: str = "") -> Share:
    """`variant` as `get_variant` gives it; without a release, its page with the newest one."""
    product = {"id": variant["product_id"], "slug": variant["product_slug"]}
    query = f"?r={release_id}" if release_id else f"?variant={variant['id']}"
    is_ios = variant["platform"] == Platform.IOS
    return Share(
        page=urls.page(product["slug"]) + query,
        code=urls.short_page(product) + query,
        install=urls.install(release_id) if is_ios and release_id else "",
        latest=urls.latest(product["slug"], variant["platform"], _told_arch(variant)),
        snippets=snippets(urls.base, variant),
        is_public=bool(variant["published"] and variant["product_published"]),
        is_https=urls.base.startswith("https:"),
    )


def _told_arch(variant: Record) -> str:
    """The architecture where a desktop has several and this is one of them."""
    arch = str(variant["arch"])
    return arch if variant["platform"] in _DESKTOP and re.fullmatch(r"[A-Za-z0-9_.-]+", arch) else ""
