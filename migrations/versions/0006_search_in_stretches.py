"""search in stretches of keys, where the server has btree_gin"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

PENDING = "WITH (gin_pending_list_limit = 64)"


def upgrade() -> None:
    # A text that is neither rare nor common: no walk soon meets a page of it, and no index soon shows all of it. But
    # this one can show what the first keys have. It may have been built by hand. The version before looks at all
    # clients from here on, until it is stopped.
    op.execute(f"""
        DO $$ BEGIN
            CREATE EXTENSION IF NOT EXISTS btree_gin;
            CREATE INDEX IF NOT EXISTS ix_products_category_id_stretch_name_trgm
                ON products USING gin (category_id, (id_key >> 15), lower(name) gin_trgm_ops) {PENDING};
            CREATE INDEX IF NOT EXISTS ix_clients_stretch_name_lastname_trgm
                ON clients USING gin ((id_key >> 15), lower(name || ' ' || lastname) gin_trgm_ops) {PENDING};
            DROP INDEX IF EXISTS ix_products_category_id_name_trgm, ix_clients_name_trgm, ix_clients_lastname_trgm;
        EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR undefined_object THEN
            RAISE WARNING 'no pg_trgm or btree_gin (%): searches read whole tables', SQLERRM;
        END $$
    """)


def downgrade() -> None:
    op.execute(f"""
        DO $$ BEGIN
            IF to_regclass('ix_products_category_id_stretch_name_trgm') IS NOT NULL THEN
                DROP INDEX ix_products_category_id_stretch_name_trgm, ix_clients_stretch_name_lastname_trgm;
                CREATE INDEX ix_products_category_id_name_trgm
                    ON products USING gin (category_id, lower(name) gin_trgm_ops) {PENDING};
                CREATE INDEX ix_clients_name_trgm ON clients USING gin (lower(name) gin_trgm_ops);
                CREATE INDEX ix_clients_lastname_trgm ON clients USING gin (lower(lastname) gin_trgm_ops);
            END IF;
        END $$
    """)
