"""identity of the primary, for replicas"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "primary_server",
        sa.Column("is_single", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.CheckConstraint("is_single", name=op.f("ck_primary_server_single")),
        sa.PrimaryKeyConstraint("is_single", name=op.f("pk_primary_server")),
    )


def downgrade() -> None:
    op.drop_table("primary_server")
