"""index scans in functions"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# They look up one row of a table that grows meanwhile, or insert one whose foreign key is looked up. PostgreSQL keeps
# their plans, and one from when the table was nearly empty reads all of it.
FUNCTIONS = ("check_order_bill()", "next_bill_number(integer)", "note_order_status()")


def upgrade() -> None:
    for function in FUNCTIONS:
        op.execute(f"ALTER FUNCTION {function} SET enable_seqscan = off")


def downgrade() -> None:
    for function in FUNCTIONS:
        op.execute(f"ALTER FUNCTION {function} RESET enable_seqscan")
