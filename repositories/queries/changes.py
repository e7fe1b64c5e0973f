"""The time up to which a list of changes is complete, although transactions commit in another order than they write."""

from datetime import datetime

from repositories.queries.statement import Statement

# A transaction that this statement does not see writes later rows than it, because `updated_at` is the time of the
# write, for which a snapshot (`backend_xmin`) is necessary. One that it sees has begun before its first row. The start
# is hidden if the session belongs to another role, or if `track_activities` is off, and of prepared transactions nobody
# knows it. Autovacuum has no role.
_SAFE_SINCE = """
    SELECT CASE
        WHEN bool_or(state IS NULL OR state = 'disabled') OR EXISTS (
            SELECT FROM pg_prepared_xacts WHERE database = current_database()
        ) THEN %(updated_since)s
        ELSE least(now(), min(xact_start))
    END
    FROM pg_stat_activity
    WHERE datname = current_database() AND usesysid IS NOT NULL AND pid <> pg_backend_pid()
        AND (backend_xid IS NOT NULL OR backend_xmin IS NOT NULL)
"""


def safe_since(updated_since: datetime) -> Statement:
    """Return the statement that reads a time which no later commit precedes, or `updated_since` where none is known.

    Run it, in a transaction of its own, before the list is read.
    """
    return Statement(_SAFE_SINCE, {"updated_since": updated_since})
