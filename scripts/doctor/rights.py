"""Check of the rights that the service's role has on tables, sequences and functions."""

from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.engine import Connection

from migrations.rights import LIMITED, RIGHTS
from models.base_model import BaseModel
from scripts.doctor.findings import Finding

REMEDY = "Run ./shop migrate as the owner, with the settings of this role: it sets the rights."
# Rows of triggers need no right to call them, and functions of extensions belong to everyone.
HELD = """
    SELECT 'TABLE', relname, ARRAY(
        SELECT name FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS name
        WHERE has_table_privilege(oid, name)
    )
    FROM pg_class
    WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = current_schema()::regnamespace
    UNION ALL
    SELECT 'ROUTINE', proname, CASE WHEN has_function_privilege(oid, 'EXECUTE') THEN ARRAY['EXECUTE'] ELSE '{}' END
    FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND prorettype <> 'trigger'::regtype
        AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
"""
OWNS_TABLES = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('alembic_version')"


def rights_finding(connection: Connection) -> Finding:
    if connection.scalar(text(OWNS_TABLES)):
        detail = "the role owns the tables, so it may also drop them"
        return Finding(
            "PostgreSQL", "rights", "warning", detail, "Give the service its own role: docs/OPERATIONS.md#roles"
        )
    if missing := sorted(missing_rights(connection)):
        return Finding("PostgreSQL", "rights", "failed", f"missing: {', '.join(missing)}", REMEDY)
    return Finding("PostgreSQL", "rights", "ok", "the role may use all tables and functions, and own none")


def missing_rights(connection: Connection) -> Iterator[str]:
    """Yield `RIGHT ON name` for each right of `migrations/rights.py` that the connection's role lacks."""
    ours = {model.__tablename__ for model in BaseModel.__subclasses__()} | LIMITED.keys()
    for kind, name, held in connection.execute(text(HELD)):
        wanted = LIMITED.get(name, RIGHTS[kind]) if kind == "TABLE" else RIGHTS[kind]
        if kind == "ROUTINE" or name in ours:
            yield from (f"{right} ON {name}" for right in wanted - set(held))
