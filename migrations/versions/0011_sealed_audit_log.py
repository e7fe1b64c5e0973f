"""pseudonyms and seals of the audit log"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SEAL_LOCK = 0x5345414C  # arbitrary
BATCH = 10_000
WRITER_POLLS = 40
"""A seal waits for running writers this often, for 50 ms each. It is within the service's statement timeout."""


def upgrade() -> None:
    op.add_column("audit", sa.Column("caller_request_id", sa.String(length=128), nullable=True))
    op.add_column("audit", sa.Column("times", sa.Integer(), server_default="1", nullable=False))
    pseudonym = sa.Computed("left(encode(sha256(key), 'hex'), 32)", persisted=True)
    op.create_table(
        "audit_keys",
        sa.Column("client_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "key",
            sa.LargeBinary(),
            server_default=sa.text("uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())"),
            nullable=False,
        ),
        sa.Column("pseudonym", sa.Text(), pseudonym, nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["clients.id_key"], name=op.f("fk_audit_keys_client_id_clients"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_audit_keys")),
        sa.UniqueConstraint("pseudonym", name=op.f("uq_audit_keys_pseudonym")),
    )
    op.create_table(
        "audit_seals",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit_seals")),
    )
    create_pseudonym_functions()
    create_digest_functions()
    create_seal_function(op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())")))
    create_removal_function()


def create_pseudonym_functions() -> None:
    # The key is made with the first entry. It is null for a client that does not exist, or does not exist any more.
    op.execute("""
        CREATE FUNCTION audit_key(client bigint) RETURNS bytea LANGUAGE plpgsql AS $$
        DECLARE
            stored bytea;
        BEGIN
            SELECT key INTO stored FROM audit_keys WHERE client_id = client;
            IF NOT FOUND THEN
                INSERT INTO audit_keys (client_id) SELECT id_key FROM clients WHERE id_key = client
                ON CONFLICT DO NOTHING;
                SELECT key INTO stored FROM audit_keys WHERE client_id = client;
            END IF;
            RETURN stored;
        END $$
    """)
    op.execute("""
        CREATE FUNCTION audit_pseudonym(key bytea) RETURNS text LANGUAGE sql IMMUTABLE AS
        $$ SELECT coalesce(left(encode(sha256(key), 'hex'), 32), '-') $$
    """)
    # The id, combined with bits that nobody can compute without the key. Each request has its own, so equal ids look
    # different. services/system/pseudonyms.py is the inverse.
    op.execute("""
        CREATE FUNCTION audit_mask(key bytea, request_id text, id_key bigint) RETURNS text LANGUAGE sql STABLE AS $$
            SELECT coalesce(lpad(to_hex(id_key
                # ('x' || left(encode(sha256(key || convert_to(request_id, 'UTF8')), 'hex'), 16))::bit(64)::bigint
            ), 16, '0'), '-')
        $$
    """)
    op.execute("""
        CREATE FUNCTION audit_path(key bytea, is_by_client boolean, request_id text, path text)
        RETURNS text LANGUAGE sql STABLE AS $$
            SELECT CASE
                WHEN path ~ '^/clients/[0-9]' THEN regexp_replace(path, '[0-9]+', audit_pseudonym(key))
                WHEN is_by_client AND path ~ '^/[a-z_]+/[0-9]' THEN regexp_replace(
                    path, '[0-9]+', audit_mask(key, request_id, substring(path FROM '[0-9]+')::bigint)
                )
                ELSE path
            END
        $$
    """)


def create_digest_functions() -> None:
    # A column that is null for older entries can join later: their digests stay the same.
    op.execute("""
        CREATE FUNCTION audit_digest(after_id bigint, last_id bigint, OUT entries integer, OUT digest bytea)
        LANGUAGE sql STABLE AS $$
            SELECT count(*), sha256(convert_to(coalesce(string_agg(entry::text, E'\\n' ORDER BY id_key), ''), 'UTF8'))
            FROM (
                SELECT id_key, jsonb_strip_nulls(jsonb_build_object(
                    'id_key', id_key, 'created_at', extract(epoch FROM created_at), 'principal', principal,
                    'request_id', request_id, 'caller_request_id', caller_request_id, 'method', method,
                    'path', path, 'status', status, 'times', times
                )) AS entry
                FROM audit WHERE id_key > after_id AND id_key <= audit_digest.last_id
            ) AS listed
        $$
    """)
    op.execute("""
        CREATE FUNCTION audit_seal(previous bytea, number bigint, last_id bigint, entries integer, digest bytea)
        RETURNS bytea LANGUAGE sql STABLE AS $$
            SELECT sha256(previous || digest || convert_to(format('%s %s %s', number, last_id, entries), 'UTF8'))
        $$
    """)


def create_seal_function(schema: str) -> None:
    # Entries get their ids before they are committed, in any order. Whoever has taken an id up to `newest` has held a
    # lock on the table before, so when all holders have ended, nothing up to `newest` appears any more. Entries of
    # earlier versions get their pseudonyms here.
    seal_audit = f"""
        CREATE FUNCTION seal_audit() RETURNS audit_seals LANGUAGE plpgsql
        SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
        DECLARE
            newest bigint;
            writers text[];
            before audit_seals;
            made audit_seals;
        BEGIN
            IF current_setting('transaction_isolation') <> 'read committed' THEN
                RAISE 'seal_audit needs READ COMMITTED: it has to see what is committed while it waits';
            END IF;
            IF NOT pg_try_advisory_xact_lock({SEAL_LOCK}) THEN
                RETURN NULL;
            END IF;
            SELECT * INTO before FROM audit_seals ORDER BY audit_seals.number DESC LIMIT 1;
            before.last_id := coalesce(before.last_id, {-(2**63)});
            newest := pg_sequence_last_value(pg_get_serial_sequence('audit', 'id_key')::regclass);
            writers := ARRAY(
                SELECT virtualtransaction FROM pg_locks
                WHERE relation = 'audit'::regclass AND mode = 'RowExclusiveLock' AND granted
                    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                    AND pid IS DISTINCT FROM pg_backend_pid()
            );
            FOR poll IN 1..{WRITER_POLLS} LOOP
                EXIT WHEN NOT EXISTS (
                    SELECT FROM pg_locks WHERE relation = 'audit'::regclass AND virtualtransaction = ANY (writers)
                );
                IF poll = {WRITER_POLLS} THEN
                    RETURN NULL;
                END IF;
                PERFORM pg_sleep(0.05);
            END LOOP;
            SELECT max(id_key) INTO made.last_id FROM (
                SELECT id_key FROM audit WHERE id_key > before.last_id AND id_key <= newest
                ORDER BY id_key LIMIT {BATCH}
            ) AS batch;
            IF made.last_id IS NULL THEN
                RETURN NULL;
            END IF;
            UPDATE audit SET
                principal = CASE WHEN is_by_client THEN 'client:' || audit_pseudonym(key) ELSE principal END,
                path = audit_path(key, is_by_client, request_id, path)
            FROM (
                SELECT id_key, acting IS NOT NULL AS is_by_client, audit_key(coalesce(acting, named)) AS key
                FROM audit, LATERAL (
                    SELECT coalesce(
                        substring(principal FROM '^jwt-client-([0-9]+):')::bigint,
                        (SELECT client_id FROM api_keys WHERE 'key:' || name = principal)
                    ) AS acting, substring(path FROM '^/clients/0*([0-9]{{1,18}})($|/)')::bigint AS named
                ) AS about
                WHERE id_key > before.last_id AND id_key <= made.last_id AND (acting IS NOT NULL OR named IS NOT NULL)
                OFFSET 0
            ) AS plain
            WHERE audit.id_key = plain.id_key;
            made.number := coalesce(before.number, 0) + 1;
            SELECT * INTO made.entries, made.digest FROM audit_digest(before.last_id, made.last_id);
            made.seal := audit_seal(coalesce(before.seal, ''), made.number, made.last_id, made.entries, made.digest);
            made.sealed_at := now();
            INSERT INTO audit_seals VALUES (made.*);
            RETURN made;
        END $$
    """  # noqa: S608 # constants, and a quoted identifier
    op.execute(seal_audit)
    op.execute("REVOKE ALL ON FUNCTION seal_audit FROM PUBLIC")


def create_removal_function() -> None:
    # Removes whole batches. Their seals stay, so the chain does. Not for the service: it runs with the caller's rights.
    op.execute("""
        CREATE FUNCTION remove_audit_entries(before timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
        DECLARE
            removed bigint := 0;
            batch audit_seals;
        BEGIN
            FOR batch IN SELECT * FROM audit_seals WHERE removed_at IS NULL ORDER BY number LOOP
                EXIT WHEN EXISTS (SELECT FROM audit WHERE id_key <= batch.last_id AND created_at >= before);
                DELETE FROM audit WHERE id_key <= batch.last_id;
                UPDATE audit_seals SET removed_at = now() WHERE number = batch.number;
                removed := removed + batch.entries;
            END LOOP;
            RETURN removed;
        END $$
    """)


def downgrade() -> None:
    op.execute("DROP FUNCTION remove_audit_entries, seal_audit, audit_seal, audit_digest")
    op.execute("DROP FUNCTION audit_path, audit_mask, audit_pseudonym, audit_key")
    op.drop_table("audit_seals")
    op.drop_table("audit_keys")
    op.drop_column("audit", "times")
    op.drop_column("audit", "caller_request_id")
