"""Every URL that Fenfa hands out, made here."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urlsplit

from fenfa.services.records import Record
from fenfa.services.settings import Settings

_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
_LONGEST_CODE = 300
_LOCAL = {"", "localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Urls:
    """Absolute URLs below `base`; file downloads below `download_base`."""

    base: str
    download_base: str

    def page(self, slug: str) -> str:
        return f"{self.base}/products/{_quoted(slug)}"

    def short_page(self, product: Record) -> str:
        """The page by its slug, or by its ID where the slug would not fit into a QR code that a camera reads."""
        named = self.page(product["slug"])
        return named if len(named) <= _LONGEST_CODE else self.page(product["id"])

    def latest(self, slug: str, platform: str, arch: str = "") -> str:
        """Leads to the newest build, whatever it is by then."""
        return f"{self.page(slug)}/latest/{platform}{f'/{_quoted(arch)}' if arch else ''}"

    def download(self, release_id: str) -> str:
        return f"{self.download_base}/d/{release_id}"

    def manifest(self, release_id: str) -> str:
        return f"{self.base}/ios/{release_id}/manifest.plist"

    def install(self, release_id: str) -> str:
        return "itms-services://?action=download-manifest&url=" + quote(self.manifest(release_id), safe="")

    def qr(self, release_id: str) -> str:
        return f"{self.base}/qr/{release_id}"

    def finish(self, upload_id: str) -> str:
        """Where a direct upload becomes a release."""
        return f"{self.base}/uploads/direct/{upload_id}/finish"

    def enrolment(self, nonce: str) -> str:
        """Where a device sends its reply."""
        return f"{self.base}/udid/callback?nonce={nonce}"

    def icon(self, product_id: str, sha256: str | None) -> str:
        """Empty without an icon; changes with it, so that it may be cached for long."""
        return f"{self.base}/icon/products/{product_id}?v={sha256[:12]}" if sha256 else ""

    def of_release(self, release_id: str, slug: str, platform: str) -> dict[str, str]:
        """`release_page, download`, and for iOS `ios_manifest, ios_install`."""
        links = {
            "release_page": f"{self.page(slug)}?r={release_id}",
            "download": f"{self.download_base}/d/{release_id}",
        }
        if platform == "ios":
            links |= {"ios_manifest": self.manifest(release_id), "ios_install": self.install(release_id)}
        return links


@lru_cache(maxsize=256)
def _quoted(slug: str) -> str:
    return quote(slug)


def fixed_base(settings: Settings) -> str:
    """The configured domain; empty while it names this machine alone, so that a first run works behind any host name."""
    domain = str(settings["primary_domain"])
    return "" if _is_local(domain) else domain


@lru_cache(maxsize=16)
def _is_local(domain: str) -> bool:
    return (urlsplit(domain).hostname or "") in _LOCAL


def base_of(settings: Settings, scheme: str, host: str | None) -> str:
    """The configured domain, else the request's own scheme and host; a host that is none falls back to the setting."""
    fixed = fixed_base(settings)
    if fixed:
        return fixed
    if host and _HOST.fullmatch(host):
        return f"{scheme}://{host}"
    return str(settings["primary_domain"]) or "http://localhost:8000"


def urls_for(settings: Settings, base: str) -> Urls:
    others = settings["secondary_domains"] or [base]
    return Urls(base, others[0])


def enrolled_path(slug: str, variant_id: str) -> str:
    """Where a device is led that has answered: the product's page, or one of its own. A path, so that it stays on the host that
    the device reached us by."""
    if not slug:
        return "/udid/registered"
    return f"/products/{_quoted(slug)}?udid_bound=1" + (f"&variant={variant_id}" if variant_id else "")


def own_path(text: str, otherwise: str) -> str:
    """The text if it is a path of this site, as a page may ask to be led back to; nothing that a browser reads as a host."""
    is_own = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() and "\\" not in text
    return text if is_own else otherwise
