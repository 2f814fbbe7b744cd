"""Which server holds the bytes of an upload."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("uploads", sa.Column("staged_by", sa.Text(), nullable=False, server_default=""))
