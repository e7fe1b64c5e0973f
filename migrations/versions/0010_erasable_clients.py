"""authors of reviews, and clients of stored responses"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A new column without a default needs no check of the rows, not even for its foreign key. The indexes are empty,
    # but building them reads the tables. IF NOT EXISTS keeps columns and indexes that were made by hand beforehand
    # (docs/OPERATIONS.md#upgrades).
    op.execute("""
        ALTER TABLE reviews ADD COLUMN IF NOT EXISTS client_id bigint
            CONSTRAINT fk_reviews_client_id_clients REFERENCES clients (id_key) ON DELETE SET NULL
    """)
    op.execute("ALTER TABLE idempotency_keys ADD COLUMN IF NOT EXISTS client_id bigint")
    op.execute("""
        CREATE UNIQUE INDEX IF NOT EXISTS uq_reviews_client_id_product_id
            ON reviews (client_id, product_id) WHERE client_id IS NOT NULL
    """)
    op.execute("""
        CREATE INDEX IF NOT EXISTS ix_idempotency_keys_client_id
            ON idempotency_keys (client_id) WHERE client_id IS NOT NULL
    """)


def downgrade() -> None:
    op.drop_column("idempotency_keys", "client_id")
    op.drop_column("reviews", "client_id")
