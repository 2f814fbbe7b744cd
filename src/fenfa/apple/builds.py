"""System versions from builds: a device says `22F76`, people and packages say 18.5.

Source: Apple's own numbering. A build is the system's generation, a letter for the update, and a count. Since iOS 15 (19A) the
letter is the minor version; what comes after the minor version does not show in it.
"""

import re

_BUILD = re.compile(r"(\d{1,3})([A-I])\d{1,6}[a-z]?")  # later letters are those of watches and televisions
_VERSION = re.compile(r"\d{1,3}(\.\d{1,3}){1,3}")
_FIRST_REGULAR = 19
_FIRST_BY_YEAR = 23  # iOS 26, which followed 18
_IRREGULAR = {
    17: {"A": "13.0", "B": "13.2", "C": "13.3", "D": "13.3", "E": "13.4", "F": "13.5", "G": "13.6", "H": "13.7"},
    18: {"A": "14.0", "B": "14.2", "C": "14.3", "D": "14.4", "E": "14.5", "F": "14.6", "G": "14.7", "H": "14.8"},
}


def os_version_of(said: str) -> str:
    """`22F76` → `18.5`; a version stays one; empty where nothing can be told."""
    if _VERSION.fullmatch(said):
        return said
    match = _BUILD.fullmatch(said)
    if match is None:
        return ""
    generation, letter = int(match[1]), match[2]
    if generation < _FIRST_REGULAR:
        return _IRREGULAR.get(generation, {}).get(letter, "")
    return f"{generation - 4 if generation < _FIRST_BY_YEAR else generation + 3}.{ord(letter) - ord('A')}"
