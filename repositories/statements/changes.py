"""The start of the next list of changes: transactions commit out of order, so the time of this reading is too late."""

from datetime import datetime

from repositories.statements.statement import Statement

# A write needs a snapshot first (`backend_xmin`), and then sets `updated_at` to the time of the write. So:
# - A transaction without a snapshot writes rows that are later than this statement.
# - A transaction with a snapshot began before its first row (`xact_start`).
# - The start is hidden for sessions of other roles, for all sessions if `track_activities` is off, and for prepared
#   transactions.
# Autovacuum has no role and writes no rows.
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
    """Return the statement that reads a time. Each change that is not visible yet will have a later one.

    It reads `updated_since` if a hidden transaction may write. Run it before the list, in a transaction of its own.
    """
    return Statement(_SAFE_SINCE, {"updated_since": updated_since})
