"""search within a category, where the server has btree_gin as well"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # One index for both questions: GIN serves each of its columns by itself as well as all of them. A sale adds to the
    # list of entries that are not sorted in yet, which every search reads: with PostgreSQL's 4 MB a search takes twice
    # as long, and the sale that fills the list a fifth of a second.
    op.execute("""
        DO $$ BEGIN
            CREATE EXTENSION IF NOT EXISTS btree_gin;
            CREATE INDEX ix_products_category_id_name_trgm
                ON products USING gin (category_id, lower(name) gin_trgm_ops) WITH (gin_pending_list_limit = 64);
            DROP INDEX IF EXISTS ix_products_name_trgm;
        EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR undefined_object THEN
            RAISE WARNING 'no pg_trgm or btree_gin (%): searches in a category look at all products', SQLERRM;
        END $$
    """)


def downgrade() -> None:
    op.execute("""
        DO $$ BEGIN
            IF to_regclass('ix_products_category_id_name_trgm') IS NOT NULL THEN
                DROP INDEX ix_products_category_id_name_trgm;
                CREATE INDEX IF NOT EXISTS ix_products_name_trgm ON products USING gin (lower(name) gin_trgm_ops);
            END IF;
        END $$
    """)
