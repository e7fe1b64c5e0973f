"""Conversion of a table into one that is partitioned by ranges of `id_key`, and back, without writing its rows.

The table becomes the first partition of a new one. Everything is taken from the catalog, also what others have added:
indexes, triggers, foreign keys, rights of other roles.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

PREPARED_CHECK = "first_partition"
"""Constraint that spares the scan of the first partition. An operator may add it beforehand."""

_INDEXES = """
    SELECT c.relname, pg_get_indexdef(indexrelid), pg_get_constraintdef(con.oid)
    FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid
        LEFT JOIN pg_constraint AS con ON conindid = indexrelid AND conrelid = indrelid AND contype IN ('p', 'u')
    WHERE indrelid = to_regclass(:table) ORDER BY c.relname
"""
_TRIGGERS = """
    SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger
    WHERE tgrelid = to_regclass(:table) AND NOT tgisinternal AND tgparentid = 0 ORDER BY tgname
"""
_FOREIGN_KEYS = """
    SELECT quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = to_regclass(:table) AND contype = 'f' AND conparentid = 0 ORDER BY conname
"""
_GRANTS = """
    SELECT privilege_type, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
        CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
    FROM pg_class, aclexplode(relacl) WHERE oid = to_regclass(:table) AND grantee <> relowner
"""
_PARTITIONS = """
    SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = to_regclass(:table) ORDER BY inhrelid
"""
_DEPENDENTS = """
    SELECT DISTINCT format('%s, which uses %s', ev_class::regclass, refobjid::regclass)
    FROM pg_depend JOIN pg_rewrite AS r ON classid = 'pg_rewrite'::regclass AND objid = r.oid
    WHERE refclassid = 'pg_class'::regclass AND refobjid = ANY (cast(:tables AS regclass[])) AND ev_class <> refobjid
    UNION ALL
    SELECT format('publication %s of %s', pubname, prrelid::regclass)
    FROM pg_publication_rel JOIN pg_publication AS p ON p.oid = prpubid
    WHERE prrelid = ANY (cast(:tables AS regclass[]))
    UNION ALL
    SELECT format('foreign key %s of %s', conname, conrelid::regclass)
    FROM pg_constraint WHERE contype = 'f' AND confrelid = ANY (cast(:tables AS regclass[]))
    ORDER BY 1
"""


class Definitions(NamedTuple):
    """Objects around a table that its successor needs."""

    indexes: Sequence[tuple[str, str, str | None]]
    triggers: Sequence[tuple[str, str]]
    references: Sequence[tuple[str, str]]
    grants: Sequence[tuple[str, str, str]]

    @classmethod
    def of(cls, connection: Connection, table: str) -> "Definitions":
        queries = _INDEXES, _TRIGGERS, _FOREIGN_KEYS, _GRANTS
        found = [connection.execute(text(query), {"table": table}).tuples().all() for query in queries]
        return cls(*found)


def dependents(connection: Connection, tables: Sequence[str]) -> Sequence[str]:
    """Return what would stay with the first partition and miss all later rows: views, publications, foreign keys."""
    return connection.scalars(text(_DEPENDENTS), {"tables": list(tables)}).all()


def partition(connection: Connection, table: str, bound: int) -> None:
    """Turn a table without `dependents` into the first partition of a new one, for keys below `bound`."""
    first, found = f"{table}_first", Definitions.of(connection, table)
    _run(connection, *(f"DROP TRIGGER {name} ON {table}" for name, _ in found.triggers))
    last = _drop_identity(connection, table)
    _run(connection, f"ALTER TABLE {table} RENAME TO {first}")
    _run(connection, *(f"ALTER INDEX {name} RENAME TO {name}_first" for name, *_ in found.indexes))
    parts = "DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING STORAGE INCLUDING COMMENTS"
    _run(
        connection,
        f"CREATE TABLE {table} (LIKE {first} INCLUDING {parts}) PARTITION BY RANGE (id_key)",
        f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {PREPARED_CHECK}",
        *(
            f"ALTER TABLE {table} ADD CONSTRAINT {name} {constraint}" if constraint else index
            for name, index, constraint in found.indexes
        ),
        *(f"ALTER TABLE {table} ADD CONSTRAINT {name} {key}" for name, key in found.references),
        f"ALTER TABLE {table} ATTACH PARTITION {first} FOR VALUES FROM (MINVALUE) TO ({bound})",
        f"ALTER TABLE {first} DROP CONSTRAINT IF EXISTS {PREPARED_CHECK}",
        *(f"REVOKE ALL ON {first} FROM {grantee}" for _, grantee, _ in found.grants),
    )
    _complete(connection, table, found, last)


def unpartition(connection: Connection, table: str) -> None:
    """Turn the first partition back into the table. Copies the rows of all others, and drops these."""
    found = Definitions.of(connection, table)
    first, *_ = connection.scalars(text(_PARTITIONS), {"table": table}).all()
    _run(connection, *(f"DROP TRIGGER {name} ON {table}" for name, _ in found.triggers))
    last = _drop_identity(connection, table)
    _run(
        connection,
        f"ALTER TABLE {table} DETACH PARTITION {first}",
        f"INSERT INTO {first} SELECT * FROM {table}",  # noqa: S608 # a name from the migration
        f"DROP TABLE {table}",
        f"ALTER TABLE {first} RENAME TO {table}",
        *(f"ALTER INDEX {name}_first RENAME TO {name}" for name, *_ in found.indexes),
    )
    _complete(connection, table, found, last)


def _drop_identity(connection: Connection, table: str) -> int | None:
    """Drop the identity with its sequence, and return the last key that it has given."""
    sequence = f"SELECT pg_sequence_last_value(pg_get_serial_sequence('{table}', 'id_key')::regclass)"
    last: int | None = connection.scalar(text(sequence))
    _run(connection, f"ALTER TABLE {table} ALTER id_key DROP IDENTITY")
    return last


def _complete(connection: Connection, table: str, found: Definitions, last: int | None) -> None:
    """Add to the new table what the former one had."""
    _run(connection, f"ALTER TABLE {table} ALTER id_key ADD GENERATED BY DEFAULT AS IDENTITY")
    if last is not None:
        connection.execute(
            text("SELECT setval(pg_get_serial_sequence(:t, 'id_key'), :last)"), {"t": table, "last": last}
        )
    _run(
        connection,
        *(definition for _, definition in found.triggers),
        *(f"GRANT {right} ON {table} TO {grantee}{option}" for right, grantee, option in found.grants),
    )


def _run(connection: Connection, *statements: str) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement.replace("%", "%%"))
