"""search in any part of a name, where the server has pg_trgm"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SEARCHED = (("products", "name"), ("clients", "name"), ("clients", "lastname"))


def upgrade() -> None:
    # Without the extension, or the right to create it, a search reads the whole table: slower, and the same answers.
    indexes = " ".join(
        f"CREATE INDEX ix_{table}_{column}_trgm ON {table} USING gin (lower({column}) gin_trgm_ops);"
        for table, column in SEARCHED
    )
    op.execute(f"""
        DO $$ BEGIN
            CREATE EXTENSION IF NOT EXISTS pg_trgm;
            {indexes}
        EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
            RAISE WARNING 'no pg_trgm (%): searches by q read whole tables', SQLERRM;
        END $$
    """)


def downgrade() -> None:
    for table, column in SEARCHED:
        op.execute(f"DROP INDEX IF EXISTS ix_{table}_{column}_trgm")
