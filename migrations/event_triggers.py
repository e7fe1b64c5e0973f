"""Triggers that append the events of a table, for migrations of new tables and of tables that get a column."""

from collections.abc import Collection, Mapping

from alembic import op
from sqlalchemy import text

HIDDEN = ("created_at", "updated_at", "search_text")
"""Columns that most responses do not contain. Events leave them out, and a change of them alone is no event."""
CREATED_AT = {"created_at": "new_row.created_at"}
"""`computed` of objects whose responses show their time."""
COLUMNS = """
    SELECT attname FROM pg_attribute
    WHERE attrelid = cast(:table AS regclass) AND attnum > 0 AND NOT attisdropped AND NOT attname = ANY (:hidden)
    ORDER BY attnum
"""
CHANGES = ("created", "updated", "deleted")
PAIRS = "new_rows AS new_row JOIN old_rows AS old_row USING (id_key)"


def create_event_triggers(
    table: str,
    name: str,
    *hidden: str,
    client: str | None = None,
    has_status: bool = False,
    on_update: Mapping[str, str] | None = None,
    computed: Mapping[str, str] | None = None,
) -> None:
    """Append `name.created`, `name.updated` and `name.deleted` for each row that a statement changes.

    `hidden` are columns besides `HIDDEN` that no response contains. `client` is the column with the client whose
    personal data a row contains: deleting the client redacts its events. `has_status` adds `name.status_changed`.
    `on_update` are further columns of the queue, as SQL of `old_row` and `new_row`. `computed` are fields of the body
    that are no columns, as SQL of `new_row`; a change of them alone is no event. Replaces existing triggers: call it
    again, with the same arguments, after a new column.
    """
    columns = _columns(table, hidden)
    old, new = (", ".join(f"{row}.{column}" for column in columns) for row in ("old_row", "new_row"))
    queued = _queued(table, columns, computed)
    if client:
        queued["client_id"] = f"new_row.{client}"
    updated = queued | dict(on_update or {})
    changed = _select(f"{name}.updated", updated, f"{PAIRS} WHERE ({old}) IS DISTINCT FROM ({new})")
    if has_status:
        from_status = f"{PAIRS} WHERE old_row.status <> new_row.status"
        changed = f"{changed} UNION ALL {_select(f'{name}.status_changed', updated, from_status)}"
    deleted = {column: sql.replace("new_row", "old_row") for column, sql in queued.items()}
    if client:
        deleted["data"] = (
            f"CASE WHEN EXISTS (SELECT FROM clients WHERE id_key = old_row.{client}) THEN {deleted['data']} "
            f"ELSE {_json('old_row', columns, {'id_key', client})} END"
        )
    _create(table, "created", "INSERT", queued, _select(f"{name}.created", queued, "new_rows AS new_row"))
    _create(table, "updated", "UPDATE", updated, changed)
    _create(table, "deleted", "DELETE", deleted, _select(f"{name}.deleted", deleted, "old_rows AS old_row"))


def update_events(
    table: str, name: str, condition: str, *hidden: str, computed: Mapping[str, str] | None = None
) -> str:
    """Return SQL that appends `name.updated` for each `new_row` of the table that satisfies the condition.

    For changes of `computed` fields alone, which the triggers of the table do not see.
    """
    queued = _queued(table, _columns(table, hidden), computed)
    select = _select(f"{name}.updated", queued, f"{table} AS new_row WHERE {condition}")
    return f"INSERT INTO event_queue (type, {', '.join(queued)}) {select}"


def drop_event_triggers(*tables: str) -> None:
    for table in tables:
        for change in CHANGES:
            op.execute(f"DROP FUNCTION log_{change}_{table} CASCADE")


def lines_of(table: str, key: str) -> str:
    """Return SQL of the lines of a shipment or return, for `computed`."""
    line = "jsonb_build_object('order_detail_id', order_detail_id, 'quantity', quantity) ORDER BY order_detail_id"
    return (
        f"(SELECT coalesce(jsonb_agg({line}), '[]') FROM {table} WHERE {key} = new_row.id_key)"  # noqa: S608 # as above
    )


def _columns(table: str, hidden: Collection[str]) -> list[str]:
    parameters = {"table": table, "hidden": [*HIDDEN, *hidden]}
    return list(op.get_bind().scalars(text(COLUMNS), parameters))


def _queued(table: str, columns: list[str], computed: Mapping[str, str] | None) -> dict[str, str]:
    return {"resource": f"'/{table}/' || new_row.id_key", "data": _json("new_row", columns, computed=computed)}


def _create(table: str, change: str, operation: str, queued: Mapping[str, str], select: str) -> None:
    rows = [f"{kind.upper()} TABLE AS {kind}_rows" for kind in ("old", "new") if f"{kind}_rows" in select]
    op.execute(f"""
        CREATE OR REPLACE FUNCTION log_{change}_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO event_queue (type, {", ".join(queued)}) {select};
            RETURN NULL;
        END $$
    """)
    op.execute(f"""
        CREATE OR REPLACE TRIGGER log_{change} AFTER {operation} ON {table} REFERENCING {" ".join(rows)}
        FOR EACH STATEMENT EXECUTE FUNCTION log_{change}_{table}()
    """)


def _select(event: str, queued: Mapping[str, str], source: str) -> str:
    return f"SELECT '{event}', {', '.join(queued.values())} FROM {source}"  # noqa: S608 # as above


def _json(
    row: str,
    columns: list[str],
    kept: Collection[str] | None = None,
    computed: Mapping[str, str] | None = None,
) -> str:
    """Return SQL of an object with the columns; those that are not kept are null."""
    fields = {column: f"{row}.{column}" if kept is None or column in kept else "NULL" for column in columns}
    pairs = (f"'{name}', {value}" for name, value in (fields | dict(computed or {})).items())
    return f"jsonb_build_object({', '.join(pairs)})"
