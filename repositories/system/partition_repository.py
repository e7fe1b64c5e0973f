"""SQL of partitions. The function of the database runs with the rights of the tables' owner."""

from repositories.statements.statement import Statement

ADD_PARTITIONS = Statement("SELECT table_name, keys_left, added FROM add_partitions()", {})
"""Makes the partitions that are needed soon. Returns each partitioned table, the keys left, and the new partition."""
