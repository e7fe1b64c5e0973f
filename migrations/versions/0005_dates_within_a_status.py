"""dates within a status"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    columns = ["status", "date", "id_key"]
    op.create_index(op.f("ix_orders_status_date_id_key"), "orders", columns, if_not_exists=True)  # may be built by hand


def downgrade() -> None:
    op.drop_index(op.f("ix_orders_status_date_id_key"), "orders")
