"""Rights of the service's role, set after the migrations in their transaction, so that no new table is forgotten.

The service may read and write all tables of the migrating role, except LIMITED ones, and call its functions. It has no
rights on partitions, because it reaches them through their table, whose rights count then.
"""

import logging

from sqlalchemy import text
from sqlalchemy.engine import Connection

logger = logging.getLogger(__name__)

SERVICE_ROLE = "service_role"  # option of a connection: the role's name, or None if it is the migrating one
RIGHTS = {"TABLE": {"SELECT", "INSERT", "UPDATE", "DELETE"}, "SEQUENCE": {"USAGE"}, "ROUTINE": {"EXECUTE"}}
LIMITED = {
    "alembic_version": {"SELECT"},
    "audit": {"SELECT", "INSERT"},
    "audit_keys": {"SELECT", "INSERT"},
    "audit_seals": {"SELECT"},
    "credit_notes": {"SELECT", "INSERT"},
    "event_queue": {"SELECT", "INSERT"},
    "events": {"SELECT"},
    "order_status_changes": {"SELECT", "INSERT"},
    "payment_operations": {"SELECT", "INSERT", "UPDATE"},
    "payments": {"SELECT", "INSERT", "UPDATE"},
    "product_words": {"SELECT", "INSERT"},
    "primary_server": {"SELECT", "INSERT", "UPDATE"},
    "shipment_events": {"SELECT", "INSERT"},
    "shipping_addresses": {"SELECT", "INSERT"},
    "stock_movements": {"SELECT", "INSERT"},
}
"""Tables in which the service may do less. Rows that refer to deleted ones are deleted as the owner."""

# A sequence of an identity column needs no rights, and neither does a function of a trigger.
OBJECTS = """
    SELECT kind, object, name, ARRAY(
        SELECT privilege_type FROM aclexplode(acl) WHERE grantee = to_regrole(quote_ident(:role))
    ) AS rights
    FROM (
        SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind, oid::regclass::text AS object,
            relname AS name, relacl AS acl, relowner AS owner, relnamespace AS namespace
        FROM pg_class AS c
        WHERE relkind IN ('r', 'p') AND NOT relispartition OR relkind = 'S' AND NOT EXISTS (
            SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype IN ('a', 'i')
        )
        UNION ALL
        SELECT 'ROUTINE', p.oid::regprocedure::text, proname, proacl, proowner, pronamespace
        FROM pg_proc AS p WHERE prorettype <> 'trigger'::regtype AND NOT EXISTS (
            SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'e'
        )
    ) AS objects
    WHERE owner = current_user::regrole AND namespace = current_schema()::regnamespace
    ORDER BY kind, object
"""
# Everyone may call a new function, and one with the rights of its owner is no exception.
DEFINER_FUNCTIONS_FOR_ALL = """
    SELECT p.oid::regprocedure::text FROM pg_proc AS p, aclexplode(coalesce(proacl, acldefault('f', proowner)))
    WHERE prosecdef AND grantee = 0
        AND proowner = current_user::regrole AND pronamespace = current_schema()::regnamespace AND NOT EXISTS (
            SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = p.oid AND deptype = 'e'
        )
"""


def set_rights(connection: Connection) -> None:
    """Give the service's role exactly its rights on the objects of the migrating role, unless both are one role.

    Changes nothing where the rights are right already. Rights of other roles stay, but a function that runs with the
    rights of its owner is no longer open to everyone.
    """
    role = connection.get_execution_options().get(SERVICE_ROLE)
    if role is None:
        return
    quoted = connection.dialect.identifier_preparer.quote_identifier(role)
    if connection.scalar(text("SELECT to_regrole(:role)"), {"role": quoted}) is None:
        logger.warning("there is no role %s, so it gets no rights: docs/OPERATIONS.md#roles", quoted)
        return
    for function in connection.scalars(text(DEFINER_FUNCTIONS_FOR_ALL)).all():
        connection.exec_driver_sql(f"REVOKE ALL ON ROUTINE {function} FROM PUBLIC")
    for kind, name, unqualified, rights in connection.execute(text(OBJECTS), {"role": role}).all():
        wanted = LIMITED.get(unqualified, RIGHTS[kind]) if kind == "TABLE" else RIGHTS[kind]
        if set(rights) != wanted:
            connection.exec_driver_sql(f"REVOKE ALL ON {kind} {name} FROM {quoted}")
            connection.exec_driver_sql(f"GRANT {', '.join(sorted(wanted))} ON {kind} {name} TO {quoted}")
