"""What passes from the child that read a file to the server: one JSON object, made here and checked here again.

`{"info": {…}}` is what the package says, `{"error": "…"}` why it was refused, `{"fault": "…"}` that the reader itself is
broken. The child cleans its strings; the server trusts none of it, since the file may have taken the child over.
"""

import binascii
import json
import struct
from typing import Any

from fenfa.errors import BadPackage
from fenfa.inspectors.base import PackageInfo
from fenfa.vocabulary import Platform

MAX_TEXT = 1024
MAX_NODES = 50_000
MAX_DEPTH = 12
MAX_ICON_BYTES = 2 << 20
MAX_ICON_SIDE = 1024
_TEXTS = ("format", "identifier", "name", "version", "build", "min_os")
_BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def pack(info: PackageInfo) -> bytes:
    values = {key: _plain(value) for key, value in vars(info).items() if key != "icon_png"}
    values |= {key: undirected(values[key]) for key in _TEXTS}
    icon = None if info.icon_png is None else binascii.b2a_base64(info.icon_png, newline=False).decode("ascii")
    return _dump({"info": {**values, "icon_png": icon}})


def pack_error(message: str) -> bytes:
    return _dump({"error": clean(message)[:MAX_TEXT]})


def pack_fault(message: str) -> bytes:
    return _dump({"fault": message[:MAX_TEXT]})


def unpack(raw: bytes) -> PackageInfo:
    """The package's own words, checked. Raises BadPackage for a refusal, and for an answer that no reader of ours gives."""
    answer = json.loads(raw)
    if "fault" in answer:
        raise ImportError(f"a package reader cannot start: {answer['fault']}")
    if "error" in answer:
        raise BadPackage(_text(answer["error"]))
    values = answer["info"]
    _check_tree(values, MAX_NODES)
    for key in ("provisioning_profile", "signing"):
        _expect(values[key] is None or isinstance(values[key], dict))
    _expect(isinstance(values["facts"], dict))
    return PackageInfo(
        **{key: _undirected(values[key]) for key in _TEXTS},
        platform=None if values["platform"] is None else Platform(values["platform"]),
        arch=_texts(values["arch"]),
        icon_png=_icon(values["icon_png"]),
        provisioning_profile=values["provisioning_profile"],
        signing=values["signing"],
        facts=values["facts"],
        warnings=_texts(values["warnings"]),
    )


def clean(text: str) -> str:
    """A text that can be stored and logged as one line: no control characters, no halves of pairs, no blanks around."""
    if text.isascii() and text.isprintable():
        return text.strip()
    encodable = text.encode("utf-8", "replace").decode("utf-8")
    return "".join(" " if _breaks(letter) else letter for letter in encodable).strip()


def undirected(text: str) -> str:
    """A text without direction overrides, which make `gpj.exe` read `exe.jpg`."""
    return "".join(letter for letter in text if letter not in _BIDI_CONTROLS).strip()


def _breaks(letter: str) -> bool:
    return letter < " " or "\x7f" <= letter <= "\x9f" or letter in "\u2028\u2029"


def _plain(value: Any) -> Any:
    """JSON's types alone; dates as ISO 8601, bytes as hexadecimal digits."""
    if isinstance(value, dict):
        return {clean(str(key)): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(one) for one in value]
    if isinstance(value, str):
        return clean(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if abs(value) < float("inf") else None
    return value.hex() if isinstance(value, bytes) else clean(str(value))


def _dump(value: dict[str, Any]) -> bytes:
    return json.dumps(value, allow_nan=False).encode("ascii")


def _check_tree(value: Any, budget: int, depth: int = 0) -> int:
    """What is left of the budget of nodes after walking this value."""
    if budget <= 0 or depth > MAX_DEPTH:
        raise BadPackage("the package describes itself in too many parts")
    budget -= 1
    if isinstance(value, dict):
        for key, one in value.items():
            if depth == 0 and key == "icon_png":
                continue
            _text(key)
            budget = _check_tree(one, budget, depth + 1)
    elif isinstance(value, list):
        for one in value:
            budget = _check_tree(one, budget, depth + 1)
    elif isinstance(value, str):
        _text(value)
    return budget


def _text(value: Any) -> str:
    _expect(isinstance(value, str))
    if len(value) > MAX_TEXT:
        raise BadPackage(f"the package holds a name, version or other text of more than {MAX_TEXT:,} characters")
    _expect(clean(value) == value)
    return str(value)


def _undirected(value: Any) -> str:
    _expect(undirected(_text(value)) == value)
    return str(value)


def _texts(value: Any) -> list[str]:
    _expect(isinstance(value, list))
    return [_text(one) for one in value]


def _icon(value: Any) -> bytes | None:
    if value is None:
        return None
    icon = binascii.a2b_base64(_expect_ascii(value), strict_mode=True)
    _expect(24 < len(icon) <= MAX_ICON_BYTES and icon[:8] == b"\x89PNG\r\n\x1a\n" and icon[12:16] == b"IHDR")
    width, height = struct.unpack_from(">II", icon, 16)
    _expect(0 < width <= MAX_ICON_SIDE and 0 < height <= MAX_ICON_SIDE and icon[-8:-4] == b"IEND")
    return icon


def _expect_ascii(value: Any) -> str:
    _expect(isinstance(value, str) and value.isascii())
    return str(value)


def _expect(condition: bool) -> None:
    if not condition:
        raise BadPackage("the package could not be described safely")
