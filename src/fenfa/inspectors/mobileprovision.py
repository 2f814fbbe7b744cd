"""A provisioning profile on its own: no package, so nobody can upload it, but `fenfa inspect` reads it."""

from pathlib import Path

from fenfa.errors import BadPackage
from fenfa.inspectors.base import PackageInfo
from fenfa.inspectors.parts import provisioning
from fenfa.vocabulary import Platform

_FACTS = {"type": "profile_type", "team_id": "team_id", "expires": "expiration_date", "device_count": "device_count"}


def inspect(path: Path) -> PackageInfo:
    with path.open("rb") as file:
        data = file.read(provisioning.MAX_BYTES + 1)
    if len(data) > provisioning.MAX_BYTES:
        raise BadPackage(f"the file is larger than a provisioning profile can be ({provisioning.MAX_BYTES:,} bytes)")
    profile = provisioning.read_profile(data)
    return PackageInfo(
        format="mobileprovision",
        platform=Platform.MACOS if "OSX" in profile["platform"] else Platform.IOS,
        identifier=".".join(filter(None, (profile["app_id_prefix"], profile["bundle_id"]))),
        name=profile["name"],
        provisioning_profile=profile,
        facts={fact: profile[key] for fact, key in _FACTS.items()},
    )
