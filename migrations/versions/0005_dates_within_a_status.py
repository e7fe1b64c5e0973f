"""dates within a status"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_orders_status_date_id_key"), "orders", ["status", "date", "id_key"])


def downgrade() -> None:
    op.drop_index(op.f("ix_orders_status_date_id_key"), "orders")
