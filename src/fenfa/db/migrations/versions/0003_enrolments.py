"""Device enrolments."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("devices", sa.Column("os_build", sa.Text(), nullable=False, server_default=""))
    op.add_column("devices", sa.Column("enrolled_at", sa.Text(), nullable=True))
    _create_enrolments()
    op.create_table(
        "device_sessions",
        sa.Column("browser_hash", sa.Text(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("is_verified", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name=op.f("fk_device_sessions_device_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("browser_hash", name=op.f("pk_device_sessions")),
    )
    op.create_index(op.f("ix_device_sessions_device_id"), "device_sessions", ["device_id"], unique=False)
    op.create_table(
        "call_counts",
        sa.Column("caller", sa.Text(), nullable=False),
        sa.Column("window_started", sa.BigInteger(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("caller", name=op.f("pk_call_counts")),
    )


def _create_enrolments() -> None:
    owners = {"product_id": "products", "variant_id": "variants", "device_id": "devices"}
    op.create_table(
        "enrolments",
        sa.Column("nonce_hash", sa.Text(), nullable=False),
        sa.Column("challenge_hash", sa.Text(), nullable=False),
        sa.Column("browser_hash", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=True) for name in owners),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Text(), nullable=False),
        sa.Column("used_at", sa.Text(), nullable=True),
        *(
            sa.ForeignKeyConstraint([name], [f"{table}.id"], name=op.f(f"fk_enrolments_{name}"), ondelete="CASCADE")
            for name, table in owners.items()
        ),
        sa.PrimaryKeyConstraint("nonce_hash", name=op.f("pk_enrolments")),
    )
    for name in owners:
        op.create_index(op.f(f"ix_enrolments_{name}"), "enrolments", [name], unique=False)
