"""All tables on one page.

Times are text, RFC 3339 in UTC with milliseconds (`2026-01-02T03:04:05.678Z`): they sort as they read, and are the same on
SQLite and PostgreSQL. `seq` orders rows as they were made, whatever the clock did.
"""

from collections.abc import Iterator

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Sequence = BigInteger().with_variant(Integer, "sqlite")


def _seq() -> Column[int]:
    return Column("seq", Sequence, primary_key=True, autoincrement=True)


def _text(name: str, default: str | None = "") -> Column[str]:
    return Column(name, Text, nullable=False, default=default)


def _owner(name: str, target: str) -> Column[str]:
    return Column(name, Text, ForeignKey(target, ondelete="CASCADE"), nullable=False, index=True)


products = Table(
    "products",
    metadata,
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    Column("slug", Text, nullable=False, unique=True),
    _text("name"),
    _text("description"),
    Column("published", Boolean, nullable=False, default=True),
    Column("icon_sha256", Text, nullable=True),
    Column("revision", BigInteger, nullable=False, default=1),  # grows with every change that a public page shows
    _text("apple_team_id"),  # of apple_teams; empty: the default team
    _text("created_at", None),
    _text("updated_at", None),
)

icons = Table(
    "icons",
    metadata,
    Column("product_id", Text, ForeignKey("products.id", ondelete="CASCADE"), primary_key=True),
    Column("sha256", Text, nullable=False),
    Column("png", LargeBinary, nullable=False),
    _text("updated_at", None),
)

variants = Table(
    "variants",
    metadata,
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    Column("app_id", Text, nullable=False, unique=True),
    _owner("product_id", "products.id"),
    _text("platform"),
    _text("identifier"),
    _text("display_name"),
    _text("arch"),
    _text("installer_type"),
    _text("min_os"),
    Column("sort_order", Integer, nullable=False, default=0),
    Column("published", Boolean, nullable=False, default=True),
    _text("created_at", None),
    _text("updated_at", None),
    Index(None, "platform", "identifier"),
)

releases = Table(
    "releases",
    metadata,
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    _owner("variant_id", "variants.id"),
    _text("version"),
    Column("build", BigInteger, nullable=False, default=0),
    _text("channel"),
    _text("min_os"),
    _text("changelog"),
    _text("file_name"),
    _text("file_ext"),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False, index=True),
    _text("storage", "local"),
    Column("storage_key", Text, nullable=False),
    Column("download_count", BigInteger, nullable=False, default=0),
    Column("package", JSON, nullable=False, default=dict),  # what the inspector found, see inspectors/base.py
    _text("created_at", None),
    _text("updated_at", None),
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", Text, primary_key=True),
    Column("state", Text, nullable=False, index=True),
    Column("idempotency_key", Text, nullable=True, unique=True),
    Column("request", JSON, nullable=False),  # the form's fields, enough to finish the upload after a crash
    _text("file_name"),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("release_id", Text, nullable=False),
    Column("answer", JSON, nullable=True),  # what the first finish said, for replays
    _text("error"),
    Column(
        "staged_by", Text, nullable=False, server_default=""
    ),  # the server that holds its bytes, see storage/staging.py
    _text("created_at", None),
    _text("updated_at", None),
)

stores = Table(
    "stores",
    metadata,
    _seq(),
    Column("id", Text, nullable=False, unique=True),  # what `releases.storage` says
    _text("kind"),
    _text("endpoint"),
    _text("bucket"),
    _text("region"),
    _text("public_url"),
    _text("access_key"),  # both keys sealed under the row's ID, see services/vault.py
    _text("secret_key"),
    _text("created_at", None),
    _text("updated_at", None),
    UniqueConstraint("endpoint", "bucket"),
)

proposals = Table(
    "proposals",
    metadata,
    Column("upload_id", Text, ForeignKey("uploads.id", ondelete="CASCADE"), primary_key=True),
    Column("package", JSON, nullable=False),  # what the inspector found, see inspectors/base.py
    Column("icon_png", LargeBinary, nullable=True),
)

events = Table(
    "events",
    metadata,
    _seq(),
    _text("ts", None),
    _text("type"),
    _text("product_id"),
    _text("app_id"),
    _text("variant_id"),
    _text("release_id"),
    _text("ip"),  # truncated to /24 or /48 before it comes here
    _text("ua"),
    _text("visitor"),  # keyed hash of address and user agent; the key changes daily
    Column("extra", JSON, nullable=False, default=dict),
    # each type has an order of its own, which services/timeline.py merges: with the type after the time, a rare one that is
    # asked for would be looked for among millions
    Index(None, "type", "ts", "seq"),
    Index(None, "variant_id", "type", "ts", "seq"),
    Index(None, "release_id", "type", "ts", "seq"),
)


def _key(name: str) -> Column[str]:
    return Column(name, Text, primary_key=True)


def _counts(*names: str) -> Iterator[Column[int]]:
    return (Column(name, BigInteger, nullable=False, default=0) for name in names)


# Sums of events, written in the transaction that writes these, and kept when these go. A `period` is a day (`2026-01-02`) or a
# month (`2026-01`); a `subject` is the ID of a product, variant or release, or empty for everything.
place_sums = Table(
    "place_sums",
    metadata,
    *(_key(name) for name in ("period", "product_id", "variant_id", "release_id", "app_id")),
    *_counts("downloads", "visits", "clicks"),
    sqlite_with_rowid=False,
)

day_sums = Table(
    "day_sums",
    metadata,
    *(_key(name) for name in ("subject", "day")),
    *_counts("downloads", "visits", "clicks", "unique_devices"),
    Column("agents", JSON, nullable=False, default=list),  # by whom, see services/tallies.py
    sqlite_with_rowid=False,
)

day_visitors = Table(  # who downloaded today; of days that are over, the number in `day_sums` is enough
    "day_visitors",
    metadata,
    *(_key(name) for name in ("day", "subject", "visitor")),
    sqlite_with_rowid=False,
)

unsummed_days = Table(  # days whose events are to be counted anew, not before `due`, see services/recounts.py
    "unsummed_days", metadata, *(_key(name) for name in ("day", "due")), sqlite_with_rowid=False
)

event_marks = Table(  # `kept_from`: events before this day are gone, or going
    "event_marks", metadata, _key("name"), _text("day", None), sqlite_with_rowid=False
)

devices = Table(
    "devices",
    metadata,
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    Column("udid", Text, nullable=False, unique=True),
    _text("device_name"),
    _text("model"),
    _text("os_version"),
    _text("os_build"),
    Column("verified_at", Text, nullable=True),  # when a reply came that Apple vouches for; never from a list
    Column("enrolled_at", Text, nullable=True),  # when the last reply came
    Column("apple_registered_at", Text, nullable=True),
    _text("apple_device_id"),
    _text("created_at", None),
)

device_bindings = Table(
    "device_bindings",
    metadata,
    _seq(),
    _owner("device_id", "devices.id"),
    _owner("variant_id", "variants.id"),
    _text("created_at", None),
    UniqueConstraint("device_id", "variant_id"),
)

enrolments = Table(
    "enrolments",
    metadata,
    Column("nonce_hash", Text, primary_key=True),
    _text("challenge_hash"),
    _text("browser_hash"),  # what the browser will be known by, once a device has answered
    Column("product_id", Text, ForeignKey("products.id", ondelete="CASCADE"), nullable=True, index=True),
    Column("variant_id", Text, ForeignKey("variants.id", ondelete="CASCADE"), nullable=True, index=True),
    Column("device_id", Text, ForeignKey("devices.id", ondelete="CASCADE"), nullable=True, index=True),
    _text("created_at", None),
    _text("expires_at", None),
    Column("used_at", Text, nullable=True),
)

device_sessions = Table(
    "device_sessions",
    metadata,
    Column("browser_hash", Text, primary_key=True),
    _owner("device_id", "devices.id"),
    Column("is_verified", Boolean, nullable=False),  # whether Apple vouches for the reply that made it
    _text("created_at", None),
)

call_counts = Table(
    "call_counts",
    metadata,
    Column("caller", Text, primary_key=True),  # what is called, and a keyed hash of the network that calls
    Column("window_started", BigInteger, nullable=False),  # seconds since the epoch
    Column("calls", Integer, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    _text("name"),
    _text("scope"),
    Column("secret_mac", Text, nullable=False),  # HMAC-SHA256 of the secret; the secret itself is stored nowhere
    _text("created_at", None),
    Column("expires_at", Text, nullable=True),
    Column("last_used_at", Text, nullable=True),
    Column("revoked_at", Text, nullable=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id_mac", Text, primary_key=True),
    _text("token_id"),
    _text("created_at", None),
    _text("seen_at", None),
)

login_links = Table(
    "login_links",
    metadata,
    Column("code_mac", Text, primary_key=True),
    _text("expires_at", None),
)

auth_failures = Table(
    "auth_failures",
    metadata,
    Column("source", Text, primary_key=True),  # a client network, see services/tokens.py
    Column("window_started", BigInteger, nullable=False),  # seconds since the epoch
    Column("failures", Integer, nullable=False),
)

settings = Table(
    "settings",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", JSON, nullable=False),
    _text("updated_at", None),
)

audit = Table(
    "audit",
    metadata,
    _seq(),
    _text("ts", None),
    _text("actor"),
    _text("action"),
    _text("target"),
    Column("detail", JSON, nullable=False, default=dict),
)

jobs = Table(
    "jobs",
    metadata,
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    _text("kind"),
    _text("state"),
    Column("open_key", Text, nullable=True, unique=True),  # while it is not over; of one key one job is open at a time
    _text("actor"),
    Column("args", JSON, nullable=False, default=dict),
    Column("memory", JSON, nullable=False, default=dict),  # what it needs to go on where it stopped
    Column("done", Integer, nullable=False, default=0),
    Column("total", Integer, nullable=False, default=0),
    _text("message"),
    Column("sentence", JSON(none_as_null=True), nullable=True),  # the message's {template, values}, to be translated
    Column("attempts", Integer, nullable=False, default=0),  # since it last got ahead
    _text("due_at", None),
    _text("lease_owner"),
    _text("lease_until"),
    Column("cancel_asked", Boolean, nullable=False, default=False),
    _text("created_at", None),
    _text("updated_at", None),
    Column("finished_at", Text, nullable=True),
    Index(None, "state", "due_at"),
)

apple_teams = Table(
    "apple_teams",
    metadata,
    _seq(),
    Column("id", Text, nullable=False, unique=True),
    _text("name"),
    _text("key_id"),
    _text("issuer_id"),
    _text("private_key"),  # sealed under the row's ID, see services/vault.py
    _text("apple_team_id"),
    _text("membership_ends"),  # YYYY-MM-DD, or empty
    _text("created_at", None),
    _text("updated_at", None),
)

apple_health = Table(
    "apple_health",
    metadata,
    Column("team_id", Text, primary_key=True),  # no foreign key: the default team is no row of apple_teams
    _text("checked_at"),
    Column("connected", Boolean, nullable=False, default=False),
    _text("message"),
    Column("requests_left", Integer, nullable=True),  # of this hour, as Apple last said
    _text("listed_at"),
    Column("listed", JSON, nullable=False, default=dict),  # what slots are counted from, see services/slots.py
)

apple_registrations = Table(
    "apple_registrations",
    metadata,
    _seq(),
    _owner("device_id", "devices.id"),
    Column("team_id", Text, nullable=False, index=True),
    _text("apple_device_id"),
    _text("status"),
    _text("family"),
    _text("added_at"),
    _text("created_at", None),
    _text("updated_at", None),
    UniqueConstraint("device_id", "team_id"),
)
