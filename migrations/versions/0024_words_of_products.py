"""words of products, where the server has pg_trgm and btree_gin"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

PENDING = "WITH (gin_pending_list_limit = 64)"


def upgrade() -> None:
    # Writers wait from here until the commit, so no name is missed. Reads do not, until the old index is dropped. It
    # had a list for each three letters of a name, and each sale added to all of them.
    op.execute("LOCK TABLE products IN SHARE ROW EXCLUSIVE MODE")
    op.create_table("product_words", sa.Column("word", sa.Text(), nullable=False))
    op.execute("""
        INSERT INTO product_words SELECT word FROM (
            SELECT word, count(*) AS uses FROM products, string_to_table(search_text, ' ') AS word GROUP BY word
        ) AS used, generate_series(0, uses / 1000)
    """)
    op.create_index(op.f("ix_product_words_word"), "product_words", ["word"])
    create_trigger()
    # The indexes may have been built by hand.
    op.execute(f"""
        DO $$ BEGIN
            CREATE INDEX ix_product_words_word_trgm ON product_words USING gin (word gin_trgm_ops) {PENDING};
            CREATE INDEX IF NOT EXISTS ix_products_category_id_bucket_words ON products
                USING gin (category_id, (id_key >> 15), string_to_array(' ' || search_text, ' ')) {PENDING};
            DROP INDEX IF EXISTS ix_products_category_id_bucket_search_text_trgm;
        EXCEPTION WHEN undefined_object THEN
            RAISE WARNING 'no pg_trgm or btree_gin (%): searches read whole tables', SQLERRM;
        END $$
    """)


def create_trigger() -> None:
    # Two transactions may add the same word, so that neither waits for the other. About one use in 1,000 adds a known
    # word again, so its entries show how frequent it is. Writers would wait for a count. A word stays when its last
    # product loses it: somebody else may be adding a product who has seen it here. The trigger also fires for a bulk
    # load that leaves the others out, because a search finds no product whose words are missing.
    op.execute("""
        CREATE FUNCTION add_product_words() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
        DECLARE
            new_word text;
        BEGIN
            FOREACH new_word IN ARRAY string_to_array(NEW.search_text, ' ') LOOP
                IF random() < 0.001 OR NOT EXISTS (SELECT FROM product_words WHERE word = new_word) THEN
                    INSERT INTO product_words VALUES (new_word);
                END IF;
            END LOOP;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER add_words AFTER INSERT ON products FOR EACH ROW EXECUTE FUNCTION add_product_words();
        CREATE TRIGGER add_new_words AFTER UPDATE ON products FOR EACH ROW
            WHEN (NEW.search_text <> OLD.search_text) EXECUTE FUNCTION add_product_words();
        ALTER TABLE products ENABLE ALWAYS TRIGGER add_words, ENABLE ALWAYS TRIGGER add_new_words
    """)


def downgrade() -> None:
    op.execute("DROP FUNCTION add_product_words CASCADE")
    op.execute(f"""
        DO $$ BEGIN
            DROP INDEX IF EXISTS ix_products_category_id_bucket_words;
            CREATE INDEX ix_products_category_id_bucket_search_text_trgm
                ON products USING gin (category_id, (id_key >> 15), search_text gin_trgm_ops) {PENDING};
        EXCEPTION WHEN undefined_object THEN
            RAISE WARNING 'no pg_trgm or btree_gin (%): searches read whole tables', SQLERRM;
        END $$
    """)
    op.drop_table("product_words")
