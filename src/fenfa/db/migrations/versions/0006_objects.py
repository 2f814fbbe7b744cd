"""Where objects lie when that is not this machine."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TEXTS = ("kind", "endpoint", "bucket", "region", "public_url", "access_key", "secret_key", "created_at", "updated_at")


def upgrade() -> None:
    op.create_table(
        "stores",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _TEXTS),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_stores")),
        sa.UniqueConstraint("id", name=op.f("uq_stores_id")),
        sa.UniqueConstraint("endpoint", "bucket", name=op.f("uq_stores_endpoint_bucket")),
    )
