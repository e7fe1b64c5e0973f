"""SKU and archive of products, and indexes for lists of changes"""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# In the order in which the service locks rows.
UPDATED = ("categories", "clients", "orders", "order_details", "products", "bills", "addresses", "reviews", "api_keys")
APPENDED = ("stock_movements", "audit")
LIVE = {
    "name": "name, id_key",
    "price": "price, id_key",
    "stock": "stock, id_key",
    "category_id_price": "category_id, price, id_key",
}
"""Indexes of lists, which leave archived products out from now on."""


def upgrade() -> None:
    op.execute(f"LOCK TABLE {', '.join((*UPDATED, *APPENDED))} IN ACCESS EXCLUSIVE MODE")
    # The default of a new column rewrites no rows.
    op.execute("""
        ALTER TABLE products
            ADD COLUMN IF NOT EXISTS sku varchar(64),
            ADD COLUMN IF NOT EXISTS archived boolean NOT NULL DEFAULT false
    """)
    op.execute("CREATE UNIQUE INDEX IF NOT EXISTS uq_products_sku ON products (sku) WHERE sku IS NOT NULL")
    op.execute("CREATE INDEX IF NOT EXISTS ix_products_archived_id_key ON products (archived, id_key)")
    for name, columns in LIVE.items():
        op.execute(f"CREATE INDEX IF NOT EXISTS ix_products_live_{name} ON products ({columns}) WHERE NOT archived")
        op.execute(f"DROP INDEX ix_products_{name}_id_key")
    for table in UPDATED:
        op.execute(f"CREATE INDEX IF NOT EXISTS ix_{table}_updated_at_id_key ON {table} (updated_at, id_key)")
    for table in APPENDED:
        op.execute(f"CREATE INDEX IF NOT EXISTS ix_{table}_updated_at ON {table} USING brin (updated_at)")
    # The time of the write. The start of the transaction may be earlier than a reader can know.
    set_time("clock_timestamp()")


def downgrade() -> None:
    set_time("now()")
    for table in UPDATED:
        op.execute(f"DROP INDEX ix_{table}_updated_at_id_key")
    for table in APPENDED:
        op.execute(f"DROP INDEX ix_{table}_updated_at")
    for name, columns in LIVE.items():
        op.execute(f"CREATE INDEX ix_products_{name}_id_key ON products ({columns})")
    # With the columns go their indexes, and those whose condition names them.
    op.drop_column("products", "archived")
    op.drop_column("products", "sku")


def set_time(function: str) -> None:
    """Let `updated_at` be the value of this function in new and in updated rows."""
    for table in (*UPDATED, *APPENDED):
        op.execute(f"ALTER TABLE {table} ALTER updated_at SET DEFAULT {function}")
    op.execute(
        "CREATE OR REPLACE FUNCTION keep_updated_at() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN NEW.updated_at := {function}; RETURN NEW; END $$"
    )
