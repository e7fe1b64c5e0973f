"""events"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations.event_triggers import create_event_triggers, drop_event_triggers

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

PUBLISH_LOCK = 0x4556454E  # arbitrary
BATCH = 10_000
# In the order in which sales and checkouts lock them.
TABLES = ("products", "bills", "orders", "order_details", "clients", "addresses", "categories", "reviews")


def upgrade() -> None:
    # Writers wait from here until the commit, reads do not.
    op.execute(f"LOCK TABLE {', '.join(TABLES)} IN SHARE ROW EXCLUSIVE MODE")
    create_tables()
    create_event_triggers("categories", "category")
    create_event_triggers(
        *("products", "product", "recorded_changes", "supplied"), on_update={"stock_before": "old_row.stock"}
    )
    create_event_triggers("reviews", "review", "client_id")
    create_event_triggers("clients", "client", client="id_key")
    create_event_triggers("addresses", "address", client="client_id")
    create_event_triggers("bills", "bill")
    create_event_triggers("orders", "order", "checkout_lines", has_status=True)
    create_event_triggers("order_details", "order_detail")
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    create_redaction(schema)
    create_publication(schema)
    create_removal(schema)


def create_tables() -> None:
    def columns() -> list[sa.Column[object]]:
        return [
            sa.Column("type", sa.String(length=50), nullable=False),
            sa.Column("resource", sa.String(length=100), nullable=False),
            sa.Column("data", JSONB(), nullable=False),
            sa.Column("client_id", sa.BigInteger(), nullable=True),
            sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        ]

    op.create_table(
        "event_queue",
        sa.Column("id_key", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        *columns(),
        sa.Column("stock_before", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id_key", name=op.f("pk_event_queue")),
    )
    op.create_table(
        "events",
        sa.Column("id_key", sa.BigInteger(), autoincrement=False, nullable=False),
        *columns(),
        sa.Column(
            "updated_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id_key", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_type_id_key"), "events", ["type", "id_key"])
    op.create_index(op.f("ix_events_updated_at"), "events", ["updated_at"], postgresql_using="brin")
    for table in ("event_queue", "events"):
        is_personal = sa.text("client_id IS NOT NULL")
        op.create_index(op.f(f"ix_{table}_client_id"), table, ["client_id"], postgresql_where=is_personal)
    op.execute("CREATE TRIGGER keep_updated_at BEFORE UPDATE ON events FOR EACH ROW EXECUTE FUNCTION keep_updated_at()")


def create_redaction(schema: str) -> None:
    # The deletion has waited for all writers of the client's rows, so their events are visible. Events under way to
    # the log are in neither table for others, hence the lock.
    op.execute("""
        CREATE FUNCTION redacted_event(data jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
            SELECT jsonb_object_agg(key, CASE WHEN key IN ('id_key', 'client_id') THEN value END)
            FROM jsonb_each(data)
        $$
    """)
    op.execute(f"""
        CREATE FUNCTION redact_events() RETURNS trigger LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = {schema}, pg_temp SET enable_seqscan = off AS $$
        BEGIN
            PERFORM pg_advisory_xact_lock({PUBLISH_LOCK});
            UPDATE event_queue SET data = redacted_event(data) WHERE client_id IN (SELECT id_key FROM deleted);
            UPDATE events SET data = redacted_event(data) WHERE client_id IN (SELECT id_key FROM deleted);
            RETURN NULL;
        END $$
    """)  # noqa: S608 # constants, and a quoted identifier
    op.execute("""
        CREATE TRIGGER redact_events AFTER DELETE ON clients REFERENCING OLD TABLE AS deleted
        FOR EACH STATEMENT EXECUTE FUNCTION redact_events()
    """)


def create_publication(schema: str) -> None:
    # Whoever holds the lock has seen all events up to the last one, because nobody else has published since. A writer
    # that commits later gets later numbers. Events of one object keep their order: the second writer gets the row after
    # the first one has committed, and its place in the queue after that.
    op.execute(f"""
        CREATE FUNCTION publish_events(low_stock bigint, waits boolean) RETURNS integer LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = {schema}, pg_temp SET enable_seqscan = off AS $$
        DECLARE
            last_id bigint;
            published integer;
        BEGIN
            IF current_setting('transaction_isolation') <> 'read committed' THEN
                RAISE 'publish_events needs READ COMMITTED: it has to see what is committed while it waits';
            END IF;
            IF waits THEN
                PERFORM pg_advisory_xact_lock({PUBLISH_LOCK});
            ELSIF NOT pg_try_advisory_xact_lock({PUBLISH_LOCK}) THEN
                RETURN 0;
            END IF;
            SELECT coalesce(max(id_key), 0) INTO last_id FROM events;
            WITH taken AS (
                DELETE FROM event_queue WHERE id_key = ANY (ARRAY(
                    SELECT id_key FROM event_queue ORDER BY id_key LIMIT {BATCH}
                )) RETURNING *
            ), listed AS (
                SELECT id_key, 1 AS place, type, resource, data, client_id, created_at FROM taken
                UNION ALL
                SELECT id_key, 2, 'stock.low', resource, data, client_id, created_at FROM taken
                WHERE stock_before > low_stock AND (data ->> 'stock')::bigint <= low_stock
            )
            INSERT INTO events (id_key, type, resource, data, client_id, created_at)
            SELECT last_id + row_number() OVER (ORDER BY id_key, place), type, resource, data, client_id, created_at
            FROM listed;
            GET DIAGNOSTICS published = ROW_COUNT;
            RETURN published;
        END $$
    """)  # noqa: S608 # as above


def create_removal(schema: str) -> None:
    # Removes from the beginning of the log and never its last event, so the first id shows how much is missing.
    op.execute(f"""
        CREATE FUNCTION remove_events(before timestamptz) RETURNS integer LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
        DECLARE
            removed integer;
        BEGIN
            DELETE FROM events WHERE id_key < (
                SELECT coalesce(min(id_key) FILTER (WHERE created_at >= before), max(id_key))
                FROM (SELECT id_key, created_at FROM events ORDER BY id_key LIMIT {BATCH} + 1) AS oldest
            );
            GET DIAGNOSTICS removed = ROW_COUNT;
            RETURN removed;
        END $$
    """)  # noqa: S608 # as above


def downgrade() -> None:
    drop_event_triggers(*TABLES)
    op.execute("DROP FUNCTION redact_events CASCADE")
    op.execute("DROP FUNCTION remove_events, publish_events, redacted_event")
    op.drop_table("events")
    op.drop_table("event_queue")
