"""events of shipments that lose a line"""

from alembic import op

from migrations.event_triggers import CREATED_AT, lines_of, update_events

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

LINES = lines_of("shipment_lines", "shipment_id")
OUTDATED = f"""
    id_key IN (
        SELECT new_row.id_key FROM (
            SELECT DISTINCT ON (resource) resource, data FROM (
                SELECT 0 AS place, id_key, type, resource, data FROM events
                UNION ALL
                SELECT 1, id_key, type, resource, data FROM event_queue
            ) AS logged
            WHERE type IN ('shipment.created', 'shipment.updated')
            ORDER BY resource, place DESC, id_key DESC
        ) AS last_events JOIN shipments AS new_row ON resource = '/shipments/' || new_row.id_key
        WHERE data -> 'lines' <> {LINES}
    )
"""  # noqa: S608 # constants


def upgrade() -> None:
    # A line leaves a shipment with its order detail. The row of the shipment does not change, so its own triggers log
    # nothing. The shipment has to be in lists of changes, too.
    lost = "id_key IN (SELECT shipment_id FROM old_rows)"
    computed = {"lines": LINES} | CREATED_AT
    op.execute(f"""
        CREATE FUNCTION log_deleted_shipment_lines() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE shipments SET updated_at = now() WHERE {lost};
            {update_events("shipments", "shipment", lost, computed=computed)};
            RETURN NULL;
        END $$
    """)  # noqa: S608 # constants
    op.execute("""
        CREATE TRIGGER log_deleted AFTER DELETE ON shipment_lines REFERENCING OLD TABLE AS old_rows
        FOR EACH STATEMENT EXECUTE FUNCTION log_deleted_shipment_lines()
    """)
    # Lines that the version before has removed are still in the log.
    op.execute(update_events("shipments", "shipment", OUTDATED, computed=computed))


def downgrade() -> None:
    op.execute("DROP FUNCTION log_deleted_shipment_lines CASCADE")
