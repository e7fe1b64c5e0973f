"""webhooks"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE SEQUENCE webhook_position_seq")
    create_endpoints()
    create_deliveries()
    # In the transaction that publishes the events, so no delivery is missing, and their order is that of the events.
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    op.execute(f"""
        CREATE FUNCTION queue_deliveries() RETURNS trigger LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
        BEGIN
            INSERT INTO webhook_deliveries (endpoint_id, event_id)
            SELECT endpoint.id_key, event.id_key
            FROM published AS event JOIN webhook_endpoints AS endpoint
                ON enabled AND event_types && ARRAY['*', type::text, split_part(type, '.', 1) || '.*']
            ORDER BY event.id_key;
            RETURN NULL;
        END $$
    """)  # noqa: S608 # a quoted identifier
    op.execute("""
        CREATE TRIGGER queue_deliveries AFTER INSERT ON events REFERENCING NEW TABLE AS published
        FOR EACH STATEMENT EXECUTE FUNCTION queue_deliveries()
    """)


def timestamps() -> list[sa.Column[object]]:
    return [
        sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text(f"{function}()"), nullable=False)
        for name, function in (("created_at", "now"), ("updated_at", "clock_timestamp"))
    ]


def keep_updated_at(table: str) -> None:
    """Let a trigger set `updated_at`, and index it."""
    op.create_index(op.f(f"ix_{table}_updated_at_id_key"), table, ["updated_at", "id_key"])
    op.execute(
        f"CREATE TRIGGER keep_updated_at BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION keep_updated_at()"
    )


def create_endpoints() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("id_key", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("url", sa.String(length=2000), nullable=False),
        sa.Column("event_types", ARRAY(sa.Text()), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=True),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("previous_secret", sa.Text(), nullable=True),
        sa.Column("previous_secret_until", sa.DateTime(timezone=True), nullable=True),
        *timestamps(),
        sa.PrimaryKeyConstraint("id_key", name=op.f("pk_webhook_endpoints")),
    )
    keep_updated_at("webhook_endpoints")
    op.create_table(
        "webhook_claims",
        sa.Column("endpoint_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("claimed_by", sa.Uuid(), nullable=False),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["webhook_endpoints.id_key"],
            name=op.f("fk_webhook_claims_endpoint_id_webhook_endpoints"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("endpoint_id", name=op.f("pk_webhook_claims")),
    )


def create_deliveries() -> None:
    references = {"endpoint_id": "webhook_endpoints", "event_id": "events"}
    op.create_table(
        "webhook_deliveries",
        sa.Column("id_key", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        *(sa.Column(column, sa.BigInteger(), nullable=False) for column in references),
        sa.Column(
            "position", sa.BigInteger(), server_default=sa.text("nextval('webhook_position_seq')"), nullable=False
        ),
        sa.Column("status", sa.String(length=10), server_default="waiting", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("response_status", sa.SmallInteger(), nullable=True),
        sa.Column("error", sa.String(length=200), nullable=True),
        sa.Column("first_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=True),
        *timestamps(),
        sa.CheckConstraint("status IN ('waiting', 'sent', 'failed')", name=op.f("ck_webhook_deliveries_status_known")),
        *(
            sa.ForeignKeyConstraint(
                [column],
                [f"{table}.id_key"],
                name=op.f(f"fk_webhook_deliveries_{column}_{table}"),
                ondelete="CASCADE",
            )
            for column, table in references.items()
        ),
        sa.PrimaryKeyConstraint("id_key", name=op.f("pk_webhook_deliveries")),
    )
    keep_updated_at("webhook_deliveries")
    op.create_index(op.f("ix_webhook_deliveries_event_id"), "webhook_deliveries", ["event_id"])
    op.create_index(op.f("ix_webhook_deliveries_endpoint_id_id_key"), "webhook_deliveries", ["endpoint_id", "id_key"])
    op.create_index(
        op.f("ix_webhook_deliveries_endpoint_id_position"),
        "webhook_deliveries",
        ["endpoint_id", "position"],
        postgresql_where=sa.text("status = 'waiting'"),
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION queue_deliveries CASCADE")
    op.drop_table("webhook_deliveries")
    op.execute("DROP SEQUENCE webhook_position_seq")
    op.drop_table("webhook_claims")
    op.drop_table("webhook_endpoints")
