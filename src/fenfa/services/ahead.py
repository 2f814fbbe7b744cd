"""An upload that says its variant before its file goes on to the object store while it still comes in."""

from dataclasses import dataclass

from fenfa.db.engine import Database
from fenfa.errors import FenfaError
from fenfa.services.stores import Stores
from fenfa.services.variants import get_variant
from fenfa.storage.base import Storage, release_key, safe_file_name
from fenfa.storage.early import Early
from fenfa.storage.staging import StagedFile


@dataclass(frozen=True)
class Ahead:
    """`key` is where in `storage` the object comes to lie."""

    storage: Storage
    key: str
    early: Early

    def arrive(self, key: str, size: int) -> None:
        """The upload is a release: its object is made, unless it belongs elsewhere by now. Blocks."""
        if key == self.key:
            self.early.arrive(size)
        else:
            self.early.give_up()


def go_ahead(
    stores: Stores, database: Database, file: StagedFile, release_id: str, variant_id: str, file_name: str, size: int
) -> Ahead | None:
    """None where that gains nothing, and for what will be refused. Blocks; raises nothing of its own."""
    try:
        variant = database.read_now(get_variant, variant_id)
        storage = stores.current()
        key = release_key(variant["product_id"], variant_id, release_id, safe_file_name(file_name))
        early = storage.follow(file.path, key, size)
    except FenfaError:
        return None
    return Ahead(storage, key, early) if early else None
