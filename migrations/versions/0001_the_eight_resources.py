"""the eight resources"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


TABLES = ("addresses", "bills", "categories", "clients", "order_details", "orders", "products", "reviews")


def upgrade() -> None:
    op.execute("CREATE SEQUENCE bill_number_seq")
    op.create_table(
        "bills",
        sa.Column("id_key", sa.Integer(), nullable=False),
        sa.Column("bill_number", sa.String(length=50), nullable=False),
        sa.Column("discount", sa.Numeric(precision=12, scale=2), server_default="0", nullable=False),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("total", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("payment_type", sa.String(length=10), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("payment_type IN ('cash', 'card')", name=op.f("ck_bills_payment_type_known")),
        sa.CheckConstraint("discount >= 0", name=op.f("ck_bills_discount_not_negative")),
        sa.CheckConstraint("total >= 0", name=op.f("ck_bills_total_not_negative")),
        sa.PrimaryKeyConstraint("id_key", name=op.f("pk_bills")),
        sa.UniqueConstraint("bill_number", name=op.f("uq_bills_bill_number")),
    )
    op.create_index(op.f("ix_bills_date_id_key"), "bills", ["date", "id_key"], unique=False)
    op.create_index(op.f("ix_bills_payment_type_id_key"), "bills", ["payment_type", "id_key"], unique=False)
    op.create_table(
        "categories",
        sa.Column("id_key", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id_key", name=op.f("pk_categories")),
        sa.UniqueConstraint("name", name=op.f("uq_categories_name")),
    )
    op.create_table(
        "clients",
        sa.Column("id_key", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("lastname", sa.String(length=100), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("telephone", sa.String(length=21), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id_key", name=op.f("pk_clients")),
    )
    op.create_index(op.f("ix_clients_lastname_id_key"), "clients", ["lastname", "id_key"], unique=False)
    op.create_index(op.f("ix_clients_name_id_key"), "clients", ["name", "id_key"], unique=False)
    op.create_index("uq_clients_email", "clients", [sa.literal_column("lower(email)")], unique=True)
    op.create_table(
        "idempotency_keys",
        sa.Column("caller", sa.String(length=255), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("method", sa.String(length=10), nullable=False),
        sa.Column("path", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("status", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("location", sa.String(length=255), nullable=True),
        sa.Column("body", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("caller", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "addresses",
        sa.Column("id_key", sa.Integer(), nullable=False),
        sa.Column("street", sa.String(length=200), nullable=False),
        sa.Column("number", sa.String(length=20), nullable=True),
        sa.Column("city", sa.String(length=100), nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id_key"], name=op.f("fk_addresses_client_id_clients"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id_key", name=op.f("pk_addresses")),
    )
    op.create_index(op.f("ix_addresses_city_id_key"), "addresses", ["city", "id_key"], unique=False)
    op.create_index(op.f("ix_addresses_client_id_id_key"), "addresses", ["client_id", "id_key"], unique=False)
    op.create_index(op.f("ix_addresses_street"), "addresses", ["street"], unique=False)
    op.create_table(
        "orders",
        sa.Column("id_key", sa.Integer(), nullable=False),
        sa.Column("date", sa.DateTime(timezone=True), nullable=False),
        sa.Column("total", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("delivery_method", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.SmallInteger(), server_default="1", nullable=False),
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("bill_id", sa.Integer(), nullable=False),
        sa.Column("checkout_lines", sa.SmallInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("delivery_method BETWEEN 1 AND 3", name=op.f("ck_orders_delivery_method_known")),
        sa.CheckConstraint("status BETWEEN 1 AND 4", name=op.f("ck_orders_status_known")),
        sa.CheckConstraint("total >= 0", name=op.f("ck_orders_total_not_negative")),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id_key"], name=op.f("fk_orders_bill_id_bills")),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id_key"], name=op.f("fk_orders_client_id_clients")),
        sa.PrimaryKeyConstraint("id_key", name=op.f("pk_orders")),
    )
    op.create_index(op.f("ix_orders_bill_id_id_key"), "orders", ["bill_id", "id_key"], unique=False)
    op.create_index(op.f("ix_orders_client_id_id_key"), "orders", ["client_id", "id_key"], unique=False)
    op.create_index(op.f("ix_orders_date_id_key"), "orders", ["date", "id_key"], unique=False)
    op.create_index(op.f("ix_orders_delivery_method_id_key"), "orders", ["delivery_method", "id_key"], unique=False)
    op.create_index(op.f("ix_orders_status_id_key"), "orders", ["status", "id_key"], unique=False)
    op.create_table(
        "products",
        sa.Column("id_key", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("price", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("stock", sa.Integer(), server_default="0", nullable=False),
        sa.Column("category_id", sa.Integer(), nullable=False),
        sa.Column("supplied", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("price > 0", name=op.f("ck_products_price_positive")),
        sa.CheckConstraint("stock >= 0", name=op.f("ck_products_stock_not_negative")),
        sa.ForeignKeyConstraint(
            ["category_id"], ["categories.id_key"], name=op.f("fk_products_category_id_categories")
        ),
        sa.PrimaryKeyConstraint("id_key", name=op.f("pk_products")),
    )
    op.create_index(op.f("ix_products_category_id_id_key"), "products", ["category_id", "id_key"], unique=False)
    op.create_index(
        op.f("ix_products_category_id_price_id_key"), "products", ["category_id", "price", "id_key"], unique=False
    )
    op.create_index(op.f("ix_products_name_id_key"), "products", ["name", "id_key"], unique=False)
    op.create_index(op.f("ix_products_price_id_key"), "products", ["price", "id_key"], unique=False)
    op.create_index(op.f("ix_products_stock_id_key"), "products", ["stock", "id_key"], unique=False)
    op.create_table(
        "order_details",
        sa.Column("id_key", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price", sa.Numeric(precision=12, scale=2), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("price > 0", name=op.f("ck_order_details_price_positive")),
        sa.CheckConstraint("quantity > 0", name=op.f("ck_order_details_quantity_positive")),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id_key"], name=op.f("fk_order_details_order_id_orders")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id_key"], name=op.f("fk_order_details_product_id_products")),
        sa.PrimaryKeyConstraint("id_key", name=op.f("pk_order_details")),
    )
    op.create_index(op.f("ix_order_details_order_id_id_key"), "order_details", ["order_id", "id_key"], unique=False)
    op.create_index(op.f("ix_order_details_product_id_id_key"), "order_details", ["product_id", "id_key"], unique=False)
    op.create_table(
        "order_status_changes",
        sa.Column("id_key", sa.Integer(), sa.Identity(always=False), nullable=False),
        sa.Column("order_id", sa.Integer(), nullable=False),
        sa.Column("from_status", sa.SmallInteger(), nullable=True),
        sa.Column("to_status", sa.SmallInteger(), nullable=False),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id_key"], name=op.f("fk_order_status_changes_order_id_orders"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id_key", name=op.f("pk_order_status_changes")),
    )
    op.create_index(op.f("ix_order_status_changes_order_id"), "order_status_changes", ["order_id"], unique=False)
    op.create_table(
        "reviews",
        sa.Column("id_key", sa.Integer(), nullable=False),
        sa.Column("rating", sa.Float(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("product_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("rating BETWEEN 0 AND 5", name=op.f("ck_reviews_rating_range")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id_key"], name=op.f("fk_reviews_product_id_products"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id_key", name=op.f("pk_reviews")),
    )
    op.create_index(op.f("ix_reviews_product_id_id_key"), "reviews", ["product_id", "id_key"], unique=False)
    op.create_index(op.f("ix_reviews_rating_id_key"), "reviews", ["rating", "id_key"], unique=False)
    op.execute(
        "CREATE FUNCTION keep_updated_at() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.updated_at := now(); RETURN NEW; END $$"
    )
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER keep_updated_at BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION keep_updated_at()"
        )
    op.execute("""
        CREATE FUNCTION note_order_status() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'INSERT' THEN
                INSERT INTO order_status_changes (order_id, to_status) VALUES (NEW.id_key, NEW.status);
            ELSIF NEW.status <> OLD.status THEN
                INSERT INTO order_status_changes (order_id, from_status, to_status)
                VALUES (NEW.id_key, OLD.status, NEW.status);
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute(
        "CREATE TRIGGER note_order_status AFTER INSERT OR UPDATE OF status ON orders "
        "FOR EACH ROW EXECUTE FUNCTION note_order_status()"
    )
    op.execute("""
        CREATE FUNCTION next_bill_number(year integer) RETURNS text LANGUAGE plpgsql AS $$
        DECLARE
            serial text;
            number text;
        BEGIN
            LOOP
                serial := nextval('bill_number_seq');
                number := 'BILL-' || year || '-' || lpad(serial, greatest(6, length(serial)), '0');
                EXIT WHEN NOT EXISTS (SELECT FROM bills WHERE bill_number = number);
            END LOOP;
            RETURN number;
        END $$
    """)


def downgrade() -> None:
    op.drop_index(op.f("ix_reviews_rating_id_key"), table_name="reviews")
    op.drop_index(op.f("ix_reviews_product_id_id_key"), table_name="reviews")
    op.drop_table("reviews")
    op.drop_index(op.f("ix_order_status_changes_order_id"), table_name="order_status_changes")
    op.drop_table("order_status_changes")
    op.drop_index(op.f("ix_order_details_product_id_id_key"), table_name="order_details")
    op.drop_index(op.f("ix_order_details_order_id_id_key"), table_name="order_details")
    op.drop_table("order_details")
    op.drop_index(op.f("ix_products_stock_id_key"), table_name="products")
    op.drop_index(op.f("ix_products_price_id_key"), table_name="products")
    op.drop_index(op.f("ix_products_name_id_key"), table_name="products")
    op.drop_index(op.f("ix_products_category_id_price_id_key"), table_name="products")
    op.drop_index(op.f("ix_products_category_id_id_key"), table_name="products")
    op.drop_table("products")
    op.drop_index(op.f("ix_orders_status_id_key"), table_name="orders")
    op.drop_index(op.f("ix_orders_delivery_method_id_key"), table_name="orders")
    op.drop_index(op.f("ix_orders_date_id_key"), table_name="orders")
    op.drop_index(op.f("ix_orders_client_id_id_key"), table_name="orders")
    op.drop_index(op.f("ix_orders_bill_id_id_key"), table_name="orders")
    op.drop_table("orders")
    op.drop_index(op.f("ix_addresses_street"), table_name="addresses")
    op.drop_index(op.f("ix_addresses_client_id_id_key"), table_name="addresses")
    op.drop_index(op.f("ix_addresses_city_id_key"), table_name="addresses")
    op.drop_table("addresses")
    op.drop_index(op.f("ix_idempotency_keys_created_at"), table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_index("uq_clients_email", table_name="clients")
    op.drop_index(op.f("ix_clients_name_id_key"), table_name="clients")
    op.drop_index(op.f("ix_clients_lastname_id_key"), table_name="clients")
    op.drop_table("clients")
    op.drop_table("categories")
    op.drop_index(op.f("ix_bills_payment_type_id_key"), table_name="bills")
    op.drop_index(op.f("ix_bills_date_id_key"), table_name="bills")
    op.drop_table("bills")
    for function in ("keep_updated_at", "note_order_status", "next_bill_number"):
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP SEQUENCE bill_number_seq")
