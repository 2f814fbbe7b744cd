"""What deserves a look before a package is published: at any place, and at one variant."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from fenfa.db.tables import releases
from fenfa.errors import Sentence
from fenfa.inspectors.base import PackageInfo
from fenfa.services import packages
from fenfa.services.doctor import Obstacle, Target, diagnose
from fenfa.services.records import Record, fetch_all, stamp
from fenfa.services.releases import latest_package

_SOON = timedelta(days=30)
_OBSTACLES = {
    Obstacle.STORE_SIGNED: Sentence("signed for the App Store: no device will install it from here"),
    Obstacle.PROFILE_EXPIRED: Sentence("the provisioning profile has expired: no device will install it"),
    Obstacle.CERTIFICATE_EXPIRED: Sentence("the signing certificate has expired: no device will install it"),
    Obstacle.NOT_BY_TAP: Sentence("no phone installs this type of file by a tap; send an APK where you can"),
}


def doubts_of(package: PackageInfo, file_ext: str, now: datetime) -> list[str]:
    """Wherever it goes: what the inspector noticed, and what will keep devices from installing it."""
    release = {"file_ext": file_ext, "min_os": package.min_os, "provisioning_profile": package.provisioning_profile}
    found = diagnose(release, package.platform or "", Target(None, stamp(now)))
    keeping = [_OBSTACLES[obstacle] for obstacle in found if obstacle in _OBSTACLES]
    soon = _expires_soon(package, now)
    return [*keeping, *([soon] if soon else []), *package.warnings]


def doubts_about(connection: Connection, package: PackageInfo, variant: Record, sha256: str) -> list[Sentence]:
    """At this variant: another identifier or platform, another signer, what is there already."""
    found = [
        packages.contradiction(package, variant),
        _other_platform(package, variant),
        packages.signer_change(package, latest_package(connection, variant["id"])),
        _twin(connection, package, variant["id"], sha256),
    ]
    return [sentence for sentence in found if sentence]


def _expires_soon(package: PackageInfo, now: datetime) -> Sentence | None:
    ends = str((package.provisioning_profile or {}).get("expiration_date") or "")
    if not stamp(now) < ends < stamp(now + _SOON):
        return None
    return Sentence("the provisioning profile expires on {day}", day=ends[:10])


def _other_platform(package: PackageInfo, variant: Record) -> Sentence | None:
    if package.platform in (None, variant["platform"]):
        return None
    names = {"package": package.platform, "variant": variant["platform"]}
    return Sentence("the package is for {package}, but the variant is for {variant}", **names)


def _twin(connection: Connection, package: PackageInfo, variant_id: str, sha256: str) -> Sentence | None:
    mine = select(releases).where(releases.c.variant_id == variant_id).order_by(releases.c.seq.desc())
    same = fetch_all(connection, mine.where(releases.c.sha256 == sha256).limit(1))
    if same:
        return Sentence("these very bytes are here already, as {version}", version=_named(same[0]))
    wanted = packages.release_fields(package, dict.fromkeys(("version", "build", "min_os", "channel", "changelog")))
    number = (releases.c.version == wanted["version"], releases.c.build == wanted["build"])
    if wanted["version"] and fetch_all(connection, mine.where(*number).limit(1)):
        return Sentence("a build {version} is here already", version=_named(wanted))
    return None


def _named(release: dict[str, Any]) -> str:
    version = release["version"] or "?"
    return f"{version} ({release['build']})" if release["build"] else version
