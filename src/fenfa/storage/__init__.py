"""Where release files lie. BACKENDS maps the kind of an address to what opens it."""

from collections.abc import Callable

from fenfa.storage.base import Address, Storage
from fenfa.storage.local import LocalStorage


def _open_local(address: Address) -> Storage:
    return LocalStorage(address.folder)


def _open_bucket(address: Address) -> Storage:
    from fenfa.storage.s3 import ObjectStorage  # here: whoever has no bucket does without obstore

    return ObjectStorage(address)


BACKENDS: dict[str, Callable[[Address], Storage]] = {"local": _open_local, "s3": _open_bucket}
