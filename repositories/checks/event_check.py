"""The part of the consistency check that compares the event log with the rows: replaying the log gives the database."""

TABLES = (
    *("categories", "products", "reviews", "clients", "addresses", "bills", "orders", "order_details", "payments"),
    *("shipments", "returns", "credit_notes"),
)
"""Tables with events."""
LINES = {"shipments": ("shipment_lines", "shipment_id"), "returns": ("return_lines", "return_id")}
"""Tables whose bodies contain lines: the table of the lines, and the column that refers to their object."""

# Events that are queued come after those of the log. The service removes events from the beginning of the log, so the
# first one tells how far back it reaches; objects that are older may have no event. An event from before a new column
# lacks it, hence the comparison of the row with itself, overwritten by the event.
_LAST_EVENTS = """
    SELECT DISTINCT ON (resource) resource, type, data FROM (
        SELECT 0 AS place, id_key, resource, type, data FROM events
        UNION ALL
        SELECT 1, id_key, resource, type, data FROM event_queue
    ) AS logged
    ORDER BY resource, place DESC, id_key DESC
"""


def _is_outdated(table: str) -> str:
    """Return SQL that is true if the event's data is not the stored row, or its lines are not those of the object."""
    is_outdated = "jsonb_populate_record(stored, data) IS DISTINCT FROM stored"
    if table not in LINES:
        return is_outdated
    lines, key = LINES[table]
    line = "jsonb_build_object('order_detail_id', order_detail_id, 'quantity', quantity) ORDER BY order_detail_id"
    found = f"SELECT coalesce(jsonb_agg({line}), '[]') FROM {lines} WHERE {key} = stored.id_key"
    return f"({is_outdated} OR data -> 'lines' <> ({found}))"


def _of_table(table: str) -> str:
    return f"""
        SELECT '/{table}/' || id_key AS resource, CASE
            WHEN type IS NULL THEN 'it has no event'
            WHEN type LIKE '%.deleted' THEN 'it exists, but its last event is its deletion'
            ELSE format('its last event, %s, shows another state', type)
        END AS problem
        FROM {table} AS stored LEFT JOIN last_events ON resource = '/{table}/' || id_key
        WHERE CASE
            WHEN type IS NULL THEN created_at >= (SELECT created_at FROM events ORDER BY id_key LIMIT 1)
            ELSE type LIKE '%.deleted' OR {_is_outdated(table)}
        END
        UNION ALL
        SELECT resource, format('it does not exist, but its last event is %s', type)
        FROM last_events LEFT JOIN {table} ON resource = '/{table}/' || id_key
        WHERE resource LIKE '/{table}/%' AND id_key IS NULL AND type NOT LIKE '%.deleted'
    """


EVENTS = f"""
    (WITH last_events AS MATERIALIZED ({_LAST_EVENTS})
    SELECT 'events', format('%s: %s', resource, problem)
    FROM ({" UNION ALL ".join(map(_of_table, TABLES))}) AS wrong)
"""
