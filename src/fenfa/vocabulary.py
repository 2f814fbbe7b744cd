"""The closed words of Fenfa, and the form of its IDs."""

from enum import StrEnum

_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
_RANDOM_LENGTH = 26  # 26 letters of 36 are 134 bits; the contract asks for at least 80


class Platform(StrEnum):
    IOS = "ios"
    ANDROID = "android"
    MACOS = "macos"
    WINDOWS = "windows"
    LINUX = "linux"


PLATFORM_NAMES = {"ios": "iOS", "android": "Android", "macos": "macOS", "windows": "Windows", "linux": "Linux"}
"""The same in every language."""


class Scope(StrEnum):
    """`feed` reads what stands behind a secret address, such as the calendar, and nothing else."""

    UPLOAD = "upload"
    ADMIN = "admin"
    FEED = "feed"


class EventType(StrEnum):
    VISIT = "visit"
    CLICK = "click"
    DOWNLOAD = "download"


class UploadState(StrEnum):
    """The life of one upload. `expected`: a client was told where in a bucket its bytes go. `proposed` and `received` mean that
    every byte is durable in staging: the one waits for a person to say where it goes, the other is on its way there."""

    RECEIVING = "receiving"
    EXPECTED = "expected"
    PROPOSED = "proposed"
    RECEIVED = "received"
    READY = "ready"
    FAILED = "failed"


class JobState(StrEnum):
    """`queued` also: put off until it is due, or handed back by a process that ended."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


FILE_TYPES: dict[Platform, tuple[str, ...]] = {
    Platform.IOS: ("ipa",),
    Platform.ANDROID: ("apk", "aab", "apks", "xapk"),
    Platform.MACOS: ("dmg", "pkg", "zip"),
    Platform.WINDOWS: ("exe", "msi", "msix", "zip"),
    Platform.LINUX: ("deb", "rpm", "appimage", "tar.gz", "zip"),
}

ANDROID_VERSIONS: dict[str, str] = {
    "16": "4.1",
    "17": "4.2",
    "18": "4.3",
    "19": "4.4",
    "21": "5",
    "22": "5.1",
    "23": "6",
    "24": "7",
    "25": "7.1",
    "26": "8",
    "27": "8.1",
    "28": "9",
    "29": "10",
    "30": "11",
    "31": "12",
    "32": "12.1",
    "33": "13",
    "34": "14",
    "35": "15",
    "36": "16",
}
"""API level → version. Source: Android's "<uses-sdk>" reference; 12L calls itself 12.1."""

CONTENT_TYPES: dict[str, str] = {
    "ipa": "application/octet-stream",
    "apk": "application/vnd.android.package-archive",
    "aab": "application/octet-stream",
    "apks": "application/octet-stream",
    "xapk": "application/octet-stream",
    "dmg": "application/x-apple-diskimage",
    "pkg": "application/octet-stream",
    "zip": "application/zip",
    "exe": "application/vnd.microsoft.portable-executable",
    "msi": "application/x-msi",
    "msix": "application/msix",
    "deb": "application/vnd.debian.binary-package",
    "rpm": "application/x-rpm",
    "appimage": "application/octet-stream",
    "tar.gz": "application/gzip",
}


def new_id(prefix: str) -> str:
    """A fresh ID such as `rel_x1…`: the prefix and 134 random bits from the operating system."""
    return f"{prefix}_{random_part()}"


def random_part() -> str:
    from secrets import choice  # here, since a package reader's process imports this module and makes no ID

    return "".join(choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))


def file_type(file_name: str) -> str:
    """The type that a file name claims, e.g. `apk` or `tar.gz`; empty for one that Fenfa does not take."""
    lowered = file_name.lower()
    return next((ext for ext in CONTENT_TYPES if lowered.endswith("." + ext)), "")


def is_on(file_ext: str, platform: Platform) -> bool:
    return file_ext in FILE_TYPES[platform]
