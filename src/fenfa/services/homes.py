"""Where a release goes: the variant that its upload names, that its package finds, that a person chose, or one made for it."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, select, update

from fenfa.db.alone import one_by_one
from fenfa.db.tables import products, uploads, variants
from fenfa.errors import BadInput, BadPackage, Conflict, NotFound
from fenfa.inspectors.base import PackageInfo
from fenfa.services import packages
from fenfa.services.products import count_product, create_product, delete_product
from fenfa.services.records import Record
from fenfa.services.releases import list_releases
from fenfa.services.variants import create_variant, delete_variant, get_variant, match_variants
from fenfa.vocabulary import file_type


@dataclass(frozen=True)
class UploadRequest:
    """What the client asked for, checked. None: not given. `smart`: the package decides; `create`: and may make its home.

    `chosen`: a person looked at the package and chose, so it goes to `variant_id` even where package and variant differ, or
    else to a new variant (`variant`: its values) of `product_id` or of a new product (`product`: its values).
    """

    file_name: str
    actor: str
    variant_id: str | None = None
    smart: bool = False
    create: bool = False
    version: str | None = None
    build: int | None = None
    channel: str | None = None
    min_os: str | None = None
    changelog: str | None = None
    icon_png: str | None = None  # hexadecimal, already re-encoded
    warnings: list[str] = field(default_factory=list)
    chosen: bool = False
    product_id: str | None = None
    product: dict[str, Any] = field(default_factory=dict)
    variant: dict[str, Any] = field(default_factory=dict)
    made: Record = field(default_factory=dict)  # what was made for it before a crash


@dataclass(frozen=True)
class Home:
    """A variant, and the IDs of what was made for it: `product`, `variant`."""

    variant: Record
    created: Record


def check_request(connection: Connection, request: UploadRequest) -> None:
    """Refuses before inspection what can be refused: an unknown variant, a file type that its platform does not take."""
    if request.variant_id is not None:
        variant = get_variant(connection, request.variant_id)
        packages.require_taken(file_type(request.file_name), variant["platform"])


def find_home(connection: Connection, now: str, upload_id: str, request: UploadRequest, package: PackageInfo) -> Home:
    if request.variant_id is not None:
        check_request(connection, request)
        variant = get_variant(connection, request.variant_id)
        if request.smart and not request.chosen:
            packages.require_agreement(package, variant)
        return Home(variant, request.made)
    if request.chosen:
        return _make_chosen(connection, now, upload_id, request, package)
    return _match(connection, now, request, package)


def hold_home(connection: Connection, variant_id: str) -> None:
    """Nobody takes it back until this transaction ends."""
    connection.execute(
        select(variants.c.id).where(variants.c.id == variant_id).with_for_update(read=True, key_share=True)
    )


def remove_unused(connection: Connection, created: Record) -> None:
    """Takes back what `find_home` made, unless another upload has found it in the meantime. One that is being committed is
    waited for: it would be gone with its product, though its client was told that it is there."""
    mine = (
        variants.c.product_id == created["product"] if "product" in created else variants.c.id == created.get("variant")
    )
    connection.execute(select(variants.c.id).join(products).where(mine).with_for_update())
    if "product" in created and not count_product(connection, created["product"])["release_count"]:
        delete_product(connection, created["product"])
    elif "variant" in created and not list_releases(connection, [created["variant"]]):
        delete_variant(connection, created["variant"])


def _match(connection: Connection, now: str, request: UploadRequest, package: PackageInfo) -> Home:
    name = packages.identity(package)
    if package.platform is None or not name:
        raise BadPackage("the package does not say what it is; send variant_id as well")
    one_by_one(connection, "homes")  # two first uploads of one app make one product
    found = match_variants(connection, package.platform, name)
    if len(found) > 1:
        raise Conflict(
            "several variants are for {platform} {identifier}: {variants}; send variant_id as well",
            platform=package.platform,
            identifier=name,
            variants=", ".join(f"{v['id']} ({v['product_name']})" for v in found),
        )
    if found:
        return Home(found[0], {})
    if not request.create:
        raise NotFound(
            "no variant is for platform {platform} and identifier {identifier}; "
            "make it first, or send create=1 with an admin token",
            platform=package.platform,
            identifier=name,
        )
    return _make(connection, now, request, package)


def _make_chosen(
    connection: Connection, now: str, upload_id: str, request: UploadRequest, package: PackageInfo
) -> Home:
    """Notes what it made with the upload, so that whoever finishes it after a crash makes nothing twice."""
    home = _make(connection, now, request, package)
    noted = asdict(replace(request, variant_id=home.variant["id"], made=home.created))
    connection.execute(update(uploads).where(uploads.c.id == upload_id).values(request=noted))
    return home


def _make(connection: Connection, now: str, request: UploadRequest, package: PackageInfo) -> Home:
    ending = file_type(request.file_name)
    values = packages.variant_values(package, ending) | request.variant
    if not values["platform"]:
        raise BadInput("the package does not say its platform; choose one")
    packages.require_taken(ending, values["platform"])
    named = packages.product_values(package, request.file_name) | request.product
    product_id = request.product_id or create_product(connection, now, named)
    variant_id = create_variant(connection, now, product_id, values)
    created = {"variant": variant_id} if request.product_id else {"product": product_id, "variant": variant_id}
    return Home(get_variant(connection, variant_id), created)
