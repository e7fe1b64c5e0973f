"""partitions of status changes and the audit log"""

import sqlalchemy as sa
from alembic import op

from migrations.partitioning import dependents, partition, unpartition

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TABLES = ("order_status_changes", "audit")
SIZE = 50_000_000
"""Keys of a partition. Lookups by other columns ask every partition, so there should be few."""
AHEAD = 10_000_000
"""A partition is made when fewer keys than this are left: some hours of the highest rates."""
PARTITION_LOCK = 0x50415254  # arbitrary
LOCK_ATTEMPTS = 120


def upgrade() -> None:
    connection = op.get_bind()
    if found := dependents(connection, TABLES):
        raise SystemExit(
            f"migration {revision} changes nothing: drop these objects, and make them again afterwards, because they "
            "would miss the rows of later partitions (docs/OPERATIONS.md#upgrades):\n  " + "\n  ".join(found)
        )
    lock_tables()
    for table in TABLES:
        bound = connection.scalar(sa.text(FIRST_BOUND.format(table=table)))
        partition(connection, table, bound)
        op.execute(f"ANALYZE {table}")  # autovacuum does it for partitions only
    create_function(connection.scalar(sa.text("SELECT quote_ident(current_schema())")))


def downgrade() -> None:
    op.execute("DROP FUNCTION add_partitions")
    lock_tables()
    for table in TABLES:
        unpartition(op.get_bind(), table)


# A multiple of SIZE, with AHEAD keys and more to go. An operator may have made the check beforehand.
FIRST_BOUND = f"""
    SELECT coalesce(
        (SELECT substring(pg_get_constraintdef(oid) FROM '< ''?([0-9]+)')::bigint FROM pg_constraint
         WHERE conrelid = '{{table}}'::regclass AND conname = 'first_partition' AND convalidated),
        ((greatest(
            (SELECT max(id_key) FROM {{table}}),
            pg_sequence_last_value(pg_get_serial_sequence('{{table}}', 'id_key')::regclass), 0
        ) + {AHEAD}) / {SIZE} + 1) * {SIZE}
    )
"""  # noqa: S608 # constants


def lock_tables() -> None:
    """Lock with short waits and pauses between them, because whoever comes later waits behind this transaction."""
    op.execute(f"""
        DO $$ BEGIN
            FOR attempt IN 1..{LOCK_ATTEMPTS} LOOP
                BEGIN
                    SET LOCAL lock_timeout = '500ms';
                    LOCK TABLE orders IN SHARE ROW EXCLUSIVE MODE;
                    LOCK TABLE {", ".join(TABLES)} IN ACCESS EXCLUSIVE MODE;
                    RETURN;
                EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
                    PERFORM pg_sleep(0.5);
                END;
            END LOOP;
            RAISE lock_not_available USING MESSAGE = 'long transactions use the orders, their history or the audit log';
        END $$
    """)
    op.execute("SET LOCAL lock_timeout = 0")


def create_function(schema: str) -> None:
    # For the service's role, which must not make tables of its own. It makes one partition at most, and only when it is
    # needed soon. New partitions lock the tables that they refer to, so the function does not wait for long.
    function = f"""
        CREATE FUNCTION add_partitions(OUT table_name text, OUT keys_left bigint, OUT added text) RETURNS SETOF record
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp SET lock_timeout = '200ms' AS $$
        DECLARE
            last_key bigint;
            bound bigint;
            next_bound bigint;
            may_add boolean := pg_try_advisory_xact_lock({PARTITION_LOCK});
        BEGIN
            FOR table_name IN
                SELECT relname FROM pg_class WHERE relkind = 'p' AND relnamespace = '{schema}'::regnamespace
                    AND relowner = current_user::regrole AND pg_get_partkeydef(oid) = 'RANGE (id_key)'
                ORDER BY relname
            LOOP
                added := NULL;
                last_key := coalesce(
                    pg_sequence_last_value(pg_get_serial_sequence(quote_ident(table_name), 'id_key')::regclass), 0
                );
                SELECT max(substring(pg_get_expr(relpartbound, p.oid) FROM ' TO \\(''(-?[0-9]+)''\\)')::bigint)
                INTO bound FROM pg_inherits JOIN pg_class AS p ON p.oid = inhrelid
                WHERE inhparent = quote_ident(table_name)::regclass;
                IF may_add AND bound - last_key < {AHEAD} THEN
                    next_bound := ((last_key + {AHEAD}) / {SIZE} + 1) * {SIZE};
                    BEGIN
                        EXECUTE format(
                            'CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%s) TO (%s)',
                            table_name || '_from_' || bound, table_name, bound, next_bound
                        );
                        added := table_name || '_from_' || bound;
                        bound := next_bound;
                    EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
                        NULL;
                    END;
                END IF;
                keys_left := bound - last_key;
                RETURN NEXT;
            END LOOP;
        END $$
    """  # noqa: S608 # constants, and a quoted identifier
    op.execute(function)
