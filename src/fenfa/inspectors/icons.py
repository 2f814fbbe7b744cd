"""Icons that people send: decoded and re-encoded in the cage, like everything else that comes from outside."""

import tempfile
from pathlib import Path

from fenfa.errors import BadPackage
from fenfa.inspectors import read_in_child


def clean_icon(data: bytes, slots: Path) -> bytes:
    """A plain PNG of at most 1024 px a side, made from a PNG, JPEG or WebP. Blocks, like `inspect`. Raises BadPackage for
    anything else."""
    with tempfile.NamedTemporaryFile(prefix="fenfa-icon-") as file:
        file.write(data)
        file.flush()
        png = read_in_child("fenfa.inspectors.image", Path(file.name), slots).icon_png
    if png is None:
        raise BadPackage("the icon must be a PNG, JPEG or WebP image")
    return png
