"""Which known devices can install which builds: the doctor's word on each pair."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, select

from fenfa.apple.devices import family_of, normal_udid
from fenfa.apple.models import model_name
from fenfa.db.tables import devices, products, releases, variants
from fenfa.errors import NotFound
from fenfa.services.doctor import Obstacle, Target, diagnose, from_row, is_blocked
from fenfa.services.records import Record, fetch_all
from fenfa.vocabulary import Platform

_COLUMNS = [devices.c[name] for name in ("id", "udid", "device_name", "model", "os_version", "verified_at")]
_KINDS = ("iPhone", "iPad", "iPod")
_NO_HOMES = ("APPLE_WATCH", "APPLE_TV")
"""Families that run no build for iOS."""


@dataclass(frozen=True)
class Verdict:
    """What the doctor says of one device (with its `model_name`) and one release; obstacles with the gravest first."""

    device: Record
    release: Record
    obstacles: list[Obstacle]

    @property
    def is_installable(self) -> bool:
        """Nothing surely stands in the way."""
        return not is_blocked(self.obstacles)


def judge_release(release: Record, found: Sequence[Record], now: str, is_https: bool = True) -> list[Verdict]:
    """`release` with its variant's `platform`; `found` as `list_known_devices` gives them."""
    looked_at = from_row(release)
    return [Verdict(device, release, _judge(looked_at, release["platform"], device, now, is_https)) for device in found]


def judge_device(connection: Connection, device: Record, now: str, is_https: bool = True) -> list[Verdict]:
    """The newest release of every iOS variant, those of variants that the device is bound to before the others."""
    bound = [variant["id"] for variant in device.get("variants", [])]
    newest = sorted(fetch_all(connection, _NEWEST), key=lambda release: release["variant_id"] not in bound)
    return [verdict for release in newest for verdict in judge_release(release, [device], now, is_https)]


def cover(connection: Connection, release: Record, now: str) -> list[Verdict]:
    """A verdict for every known device on a release for iOS; nothing for others. How this server is reached counts for none."""
    is_ios = release["platform"] == Platform.IOS
    return judge_release(release, list_known_devices(connection), now) if is_ios else []


def list_known_devices(connection: Connection) -> list[Record]:
    """Newest first: `{id, udid, device_name, model, model_name, os_version, verified_at}`."""
    return [_named(row) for row in fetch_all(connection, select(*_COLUMNS).order_by(devices.c.seq.desc()))]


def find_known_device(connection: Connection, asked: str) -> Record:
    """By ID or UDID. A UDID that nobody has enrolled is answered for as well, with an empty ID; anything else is `NotFound`."""
    udid = normal_udid(asked.strip())
    query = select(*_COLUMNS).where((devices.c.id == asked) | devices.c.udid.in_([udid, udid.lower()]))
    found = fetch_all(connection, query)
    if not found and not udid:
        raise NotFound("device not found")
    unknown = dict.fromkeys(("id", "device_name", "model", "os_version"), "") | {"udid": udid, "verified_at": None}
    return _named(found[0] if found else unknown)


def _judge(release: Record, platform: str, device: Record, now: str, is_https: bool) -> list[Obstacle]:
    if platform == Platform.IOS and family_of(device["model"]) in _NO_HOMES:
        return [Obstacle.OTHER_FAMILY]
    family = next((kind for kind in _KINDS if device["model"].startswith(kind)), "")
    target = Target(Platform.IOS, now, device["os_version"], family, device["udid"], is_https)
    return diagnose(release, platform, target)


def _named(device: Record) -> Record:
    return device | {"model_name": model_name(device["model"])}


_PARENTS: list[Any] = [
    variants.c.platform,
    variants.c.display_name,
    variants.c.arch,
    variants.c.identifier,
    products.c.id.label("product_id"),
    products.c.name.label("product_name"),
]
_NEWEST = (
    select(releases, *_PARENTS)
    .join(variants, variants.c.id == releases.c.variant_id)
    .join(products, products.c.id == variants.c.product_id)
    .where(releases.c.seq.in_(select(func.max(releases.c.seq)).group_by(releases.c.variant_id)))
    .where(variants.c.platform == Platform.IOS)
    .order_by(releases.c.seq.desc())
)
