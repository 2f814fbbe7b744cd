"""JSON shapes of products, variants and releases, as the contract writes them."""

from typing import Any

from fenfa.services.catalog import Catalog
from fenfa.services.records import Record
from fenfa.web.urls import Urls

_VARIANT = ("id", "product_id", "platform", "identifier", "display_name", "arch", "installer_type", "min_os")
_PUBLIC_RELEASE = ("id", "version", "build", "created_at", "download_count", "channel", "min_os", "changelog")
_FILE = ("size_bytes", "sha256", "file_name", "file_ext")


def product_view(product: Record, urls: Urls) -> dict[str, Any]:
    names = ("id", "slug", "name", "description", "published", "created_at", "updated_at")
    counts = ("variant_count", "release_count", "download_count", "last_release_at", "platforms")
    shown = {name: product[name] for name in (*names, *counts) if name in product}
    if counts[0] in product:  # then it is for an admin
        shown["apple_team_id"] = product["apple_team_id"]
    return shown | {"icon_url": urls.icon(product["id"], product["icon_sha256"])}


def variant_view(variant: Record) -> dict[str, Any]:
    shown = {name: variant[name] for name in (*_VARIANT, "published", "sort_order", "created_at", "updated_at")}
    return shown | {"legacy_app_id": variant["app_id"]}


def release_view(release: Record) -> dict[str, Any]:
    """For admins: all but where the file lies."""
    shown = {name: release[name] for name in (*_PUBLIC_RELEASE, *_FILE, "variant_id", "updated_at")}
    package = {k: v for k, v in release["package"].items() if k not in ("provisioning_profile", "public")}
    shown["package"] = package
    if profile := release["package"].get("provisioning_profile"):
        shown["provisioning_profile"] = profile
    return shown


def catalog_view(catalog: Catalog, urls: Urls) -> dict[str, Any]:
    """The product page's data: nothing in it that the public may not see."""
    product = product_view(catalog.product, urls)
    variants = [_public_variant(v, catalog.releases[v["id"]], catalog.product, urls) for v in catalog.variants]
    return {"product": product, "variants": variants}


def _public_variant(variant: Record, releases: list[Record], product: Record, urls: Urls) -> dict[str, Any]:
    shown = [_public_release(release, variant["platform"], product["slug"], urls) for release in releases]
    view = {name: variant[name] for name in (*_VARIANT, "published", "sort_order")}
    return view | {
        "legacy_app_id": variant["app_id"],
        "latest_release": shown[0] if shown else None,
        "releases": shown,
    }


def _public_release(release: Record, platform: str, slug: str, urls: Urls) -> dict[str, Any]:
    """`release` is of a catalog, which holds nothing private but the profile."""
    profile = release["provisioning_profile"] if platform == "ios" else None
    shown = release | {
        "actions": urls.of_release(release["id"], slug, platform),
        "provisioning_profile": _public_profile(profile) if profile else None,
    }
    del shown["seq"]
    return shown


def _public_profile(profile: dict[str, Any]) -> dict[str, Any]:
    """Without the devices, and without the names of the people whose certificates are in it."""
    shown = {name: value for name, value in profile.items() if name != "provisioned_devices"}
    certificates = profile.get("certificates") or []
    return shown | {"certificates": [{k: v for k, v in c.items() if k != "name"} for c in certificates]}


def app_view(variant: Record) -> dict[str, Any]:
    """The legacy view: one app a variant."""
    return {
        "id": variant["app_id"],
        "name": variant["display_name"] or variant["product_name"],
        "platform": variant["platform"],
        "bundle_id": variant["identifier"] if variant["platform"] != "android" else "",
        "application_id": variant["identifier"] if variant["platform"] == "android" else "",
        "published": variant["published"] and variant["product_published"],
        "created_at": variant["created_at"],
        "product_id": variant["product_id"],
        "variant_id": variant["id"],
    }
