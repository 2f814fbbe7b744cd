"""What changed from one build to the next: a pure function over two releases as they are stored."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fenfa.services.doctor import is_older
from fenfa.services.records import Record

Single = str | int | bool | None


class Aspect(StrEnum):
    """What builds are compared by, in the order in which it is told."""

    IDENTIFIER = "identifier"
    SIGNER = "signer"
    PROFILE = "profile"
    PROFILE_END = "profile_end"
    DEVICES = "devices"
    MIN_OS = "min_os"
    TARGET_SDK = "target_sdk"
    SDK = "sdk"
    ARCHITECTURES = "architectures"
    PERMISSIONS = "permissions"
    ENTITLEMENTS = "entitlements"
    FEATURES = "features"
    EXTENSIONS = "extensions"
    DEBUGGABLE = "debuggable"
    SIZE = "size"


@dataclass(frozen=True)
class Change:
    """One aspect that differs: a single value that `was` and is `now` (None: not said), or entries `added` and `removed`.

    `is_notable`: it can keep people from installing or running the build, or lets it do more than before.
    """

    aspect: Aspect
    was: Single = None
    now: Single = None
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    is_notable: bool = False


def compare(old: Record, new: Record) -> list[Change]:
    """`old` and `new` are rows of `releases`. What one of both packages could not tell at all is left out."""
    sides = (_Build(old), _Build(new))
    found = [_single(aspect, *sides) for aspect in _SINGLES] + [_listed(aspect, *sides) for aspect in _LISTS]
    order = list(Aspect)
    return sorted((change for change in found if change), key=lambda change: order.index(change.aspect))


class _Build:
    """A release with the parts of its package at hand. `is_read`: an inspector has told something of it."""

    def __init__(self, release: Record) -> None:
        self.release = release
        self.package: dict[str, Any] = release["package"] or {}
        self.facts: dict[str, Any] = self.package.get("facts") or {}
        self.profile: dict[str, Any] = self.package.get("provisioning_profile") or {}
        self.signing: dict[str, Any] = self.package.get("signing") or {}
        self.is_read = bool(self.package.get("format"))


def _single(aspect: Aspect, old: _Build, new: _Build) -> Change | None:
    read = _SINGLES[aspect]
    if aspect in _OF_PACKAGE and not (old.is_read and new.is_read):
        return None
    was, now = read(old) or None, read(new) or None
    return Change(aspect, was, now, is_notable=_is_notable(aspect, was, now)) if was != now else None


def _listed(aspect: Aspect, old: _Build, new: _Build) -> Change | None:
    if not (old.is_read and new.is_read):
        return None
    was, now = _LISTS[aspect](old), _LISTS[aspect](new)
    added = tuple(one for one in now if one not in was)
    removed = tuple(one for one in was if one not in now)
    is_notable = bool((added and aspect in _NOTABLE_ADDED) or (removed and aspect in _NOTABLE_REMOVED))
    if aspect is Aspect.SIGNER:
        is_notable = _is_stranger(old, new)
    return Change(aspect, added=added, removed=removed, is_notable=is_notable) if added or removed else None


def _is_notable(aspect: Aspect, was: Single, now: Single) -> bool:
    if aspect is Aspect.MIN_OS:
        return is_older(str(was or ""), str(now or ""))
    if aspect is Aspect.PROFILE_END:
        return now is not None and (was is None or str(now) < str(was))
    return aspect is Aspect.IDENTIFIER or (aspect is Aspect.DEBUGGABLE and bool(now))


def _is_stranger(old: _Build, new: _Build) -> bool:
    """Whether none of the new signers is one of the old: neither the same certificate, nor a rotated key, nor the same team."""
    known = {one["sha256"] for one in new.signing.get("lineage") or []} | set(signers(new.package))
    was = set(signers(old.package))
    same_team = bool(new.signing.get("team_id")) and new.signing.get("team_id") == old.signing.get("team_id")
    return bool(was) and not was & known and not same_team


def signers(package: dict[str, Any]) -> dict[str, str]:
    """Name by SHA-256 of the certificates that signed: those that Android names as such, else the first of the chain."""
    signing = package.get("signing") or {}
    names = {str(one["sha256"]): str(one.get("name") or "") for one in signing.get("certificates") or []}
    named = [str(one) for one in signing.get("signers") or list(names)[:1]]
    return {one: names.get(one, "") for one in named}


def _signed_by(build: _Build) -> list[str]:
    return [f"{name} ({one[:16]}…)" if name else f"{one[:16]}…" for one, name in signers(build.package).items()]


def _profile_name(build: _Build) -> str:
    profile = build.profile
    return f"{profile.get('name') or profile.get('uuid')} ({profile.get('profile_type')})" if profile else ""


def _entitlements(build: _Build) -> list[str]:
    found = build.facts.get("entitlements") or build.profile.get("entitlements") or {}
    return [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in sorted(found.items())]


def _permissions(build: _Build) -> list[str]:
    """Android's permissions, or the capabilities of a Windows package."""
    return _texts(build.facts.get("permissions")) + _texts(build.facts.get("capabilities"))


def _extensions(build: _Build) -> list[str]:
    nested = build.facts.get("nested") or []
    return [str(one.get("identifier") or one.get("path")) for one in nested if isinstance(one, dict)]


def _texts(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []


_SINGLES: dict[Aspect, Callable[[_Build], Single]] = {
    Aspect.SIZE: lambda build: int(build.release["size_bytes"]),
    Aspect.MIN_OS: lambda build: str(build.release["min_os"]),
    Aspect.IDENTIFIER: lambda build: str(build.package.get("identifier") or ""),
    Aspect.TARGET_SDK: lambda build: str(build.facts.get("target_sdk") or ""),
    Aspect.SDK: lambda build: str(build.facts.get("sdk") or build.facts.get("compile_sdk") or ""),
    Aspect.PROFILE: _profile_name,
    Aspect.PROFILE_END: lambda build: str(build.profile.get("expiration_date") or ""),
    Aspect.DEBUGGABLE: lambda build: build.facts.get("debuggable") is True,
}
_LISTS: dict[Aspect, Callable[[_Build], list[str]]] = {
    Aspect.SIGNER: _signed_by,
    Aspect.DEVICES: lambda build: _texts(build.profile.get("provisioned_devices")),
    Aspect.ARCHITECTURES: lambda build: _texts(build.package.get("arch")),
    Aspect.PERMISSIONS: _permissions,
    Aspect.FEATURES: lambda build: _texts(build.facts.get("features")),
    Aspect.ENTITLEMENTS: _entitlements,
    Aspect.EXTENSIONS: _extensions,
}
_OF_PACKAGE = set(_SINGLES) - {Aspect.SIZE, Aspect.MIN_OS}
_NOTABLE_ADDED, _NOTABLE_REMOVED = {Aspect.PERMISSIONS}, {Aspect.DEVICES, Aspect.ARCHITECTURES}
