"""Windows' code pages as Python names them."""

import codecs

_NAMES = {0: "cp1252", 936: "gbk", 20127: "ascii", 28591: "latin-1", 54936: "gb18030", 65000: "utf-7", 65001: "utf-8"}


def encoding_of(page: int) -> str:
    """The codec of a code page; western European for one that Python does not know."""
    name = _NAMES.get(page, f"cp{page}")
    try:
        codecs.lookup(name)
    except LookupError:
        return "cp1252"
    return name
