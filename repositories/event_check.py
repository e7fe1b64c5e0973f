"""The part of the consistency check that compares the event log with the rows: replaying the log gives the database."""

TABLES = (
    *("categories", "products", "reviews", "clients", "addresses", "bills", "orders", "order_details", "payments"),
)
"""Tables with events. Each row must be the last event of its object."""

_ROWS = " UNION ALL ".join(
    f"SELECT '/{table}/' || id_key AS resource, created_at, to_jsonb(stored) AS row FROM {table} AS stored"
    for table in TABLES
)

# Events of a queue that is not published yet come after those of the log. An event from before a new column lacks it, so
# the row must contain the event, not equal it. Objects that are older than the log may have no event. The service
# removes events from its beginning, so the first one tells how far back it reaches.
EVENTS = f"""
    SELECT 'events', format('%s: %s', resource, CASE
        WHEN row IS NULL THEN format('the log ends with %s, but it does not exist', type)
        WHEN type IS NULL THEN 'the log does not contain it'
        WHEN type LIKE '%.deleted' THEN format('the log ends with %s, but it exists', type)
        ELSE format('the log ends with %s, which is not its present state', type)
    END)
    FROM (
        SELECT DISTINCT ON (resource) resource, type, data FROM (
            SELECT 0 AS place, id_key, resource, type, data FROM events
            UNION ALL
            SELECT 1, id_key, resource, type, data FROM event_queue
        ) AS logged
        ORDER BY resource, place DESC, id_key DESC
    ) AS last_events FULL JOIN ({_ROWS}) AS stored USING (resource)
    WHERE CASE
        WHEN row IS NULL THEN type NOT LIKE '%.deleted'
        WHEN type IS NULL THEN created_at >= (SELECT created_at FROM events ORDER BY id_key LIMIT 1)
        ELSE type LIKE '%.deleted' OR NOT row @> data
    END
"""
