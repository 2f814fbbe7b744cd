"""Where release files lie. BACKENDS maps the word in `releases.storage` to what opens it."""

from collections.abc import Callable
from pathlib import Path

from fenfa.storage.base import Storage
from fenfa.storage.local import LocalStorage

BACKENDS: dict[str, Callable[[Path], Storage]] = {"local": LocalStorage}
