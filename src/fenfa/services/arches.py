"""Processor architectures: one word for each, whatever a format calls it."""

import re

UNIVERSAL = "universal"
_WORDS = {
    "x86_64": "x64",
    "x86-64": "x64",
    "amd64": "x64",
    "image_file_machine_amd64": "x64",
    "i386": "x86",
    "i686": "x86",
    "aarch64": "arm64",
    "arm64-v8a": "arm64",
    "arm64e": "arm64",
    "armeabi-v7a": "arm",
    "armv7": "arm",
    "armhf": "arm",
    "all": UNIVERSAL,
    "any": UNIVERSAL,
    "noarch": UNIVERSAL,
    "neutral": UNIVERSAL,
    "fat": UNIVERSAL,
}
_RUNS = {  # (platform, processor) → what else it runs, by itself or by translation
    ("macos", "arm64"): {"x64"},
    ("windows", "arm64"): {"x64", "x86"},
    ("windows", "x64"): {"x86"},
    ("linux", "x64"): {"x86"},
    ("android", "arm64"): {"arm"},
}


def plain_arch(word: str) -> str:
    """`x86_64`, `amd64` → `x64`; `aarch64` → `arm64`; an unknown word as it is."""
    return _WORDS.get(word.strip().lower(), word.strip().lower())


def plain_arches(text: str) -> frozenset[str]:
    """Those of a list such as `arm64, x86_64`."""
    return frozenset(plain_arch(word) for word in re.split(r"[,/|\s]+", text) if word)


def is_universal(text: str) -> bool:
    """Whether it names all processors, or no one in particular."""
    found = plain_arches(text)
    return UNIVERSAL in found or not found or {"arm64", "x64"} <= found


def runs_on(arches: str, platform: str, arch: str) -> bool:
    """Whether a build for `arches` runs on a processor of this platform. What is not known does."""
    if not arch or is_universal(arches):
        return True
    mine = {plain_arch(arch)} | _RUNS.get((platform, plain_arch(arch)), set())
    return bool(mine & plain_arches(arches))
