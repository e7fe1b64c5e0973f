"""fold texts for comparison and search"""

from functools import reduce

import sqlalchemy as sa
from alembic import op
from email_validator import EmailNotValidError

from migrations.offending_rows import stop_for
from schemas.types.text import INVISIBLE, normal_email

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# ruff: noqa: RUF001 # letters that look like others
# Unicode's case folding where it differs from the lower case of a decomposed text: CaseFolding.txt, status C and F.
ONE_TO_ONE = "µſ\u0345ςϐϑϕϖϰϱϵᲀᲁᲂᲃᲄᲅᲆᲇᲈ", "μsισβθφπκρεвдосттъѣꙋ"
ONE_TO_MANY = (
    *(("ß", "ss"), ("ŉ", "ʼn"), ("ẚ", "aʾ"), ("ﬀ", "ff"), ("ﬁ", "fi"), ("ﬂ", "fl"), ("ﬃ", "ffi"), ("ﬄ", "ffl")),
    *(("ﬅ", "st"), ("ﬆ", "st"), ("և", "եւ"), ("ﬓ", "մն"), ("ﬔ", "մե"), ("ﬕ", "մի"), ("ﬖ", "վն"), ("ﬗ", "մխ")),
)
IS_ASCII = "octet_length(value) = char_length(value)"
LOWER_ASCII = 'lower(value COLLATE "C") COLLATE "default"'
# The letter case of a database's own locale may be that of Turkish, or of ASCII only.
COLLATIONS = ("pg_c_utf8", "und-x-icu", "C.utf8", "en_US.utf8")
UNACCENT_SCHEMA = """
    SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace AS n ON n.oid = extnamespace
    WHERE extname = 'unaccent'
"""
SEARCHED = {"categories": "name", "clients": "name || ' ' || lastname", "products": "name"}
FILLED = {
    **{"addresses": ("street", "city"), "bills": ("bill_number",), "categories": ("name",)},
    **{"clients": ("name", "lastname"), "products": ("name",)},
}
PENDING = "WITH (gin_pending_list_limit = 64)"


def upgrade() -> None:
    create_functions(op.get_bind())
    stop_for(revision, offending_rows(op.get_bind()))
    op.execute("DROP INDEX IF EXISTS ix_products_category_id_stretch_name_trgm, ix_clients_stretch_name_lastname_trgm")
    op.drop_index("uq_clients_email", "clients")
    op.create_index("uq_clients_email", "clients", [sa.text("fold_case(email)")], unique=True)
    for table, searched in SEARCHED.items():
        folded = sa.Computed(f"fold_search({searched})", persisted=True)
        op.add_column(table, sa.Column("search_text", sa.Text(), folded, nullable=False))
    op.execute(f"""
        DO $$ BEGIN
            CREATE EXTENSION IF NOT EXISTS pg_trgm;
            CREATE EXTENSION IF NOT EXISTS btree_gin;
            CREATE INDEX ix_products_category_id_bucket_search_text_trgm
                ON products USING gin (category_id, (id_key >> 15), search_text gin_trgm_ops) {PENDING};
            CREATE INDEX ix_clients_bucket_search_text_trgm
                ON clients USING gin ((id_key >> 15), search_text gin_trgm_ops) {PENDING};
        EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR undefined_object THEN
            RAISE WARNING 'no pg_trgm or btree_gin (%): searches read whole tables', SQLERRM;
        END $$
    """)


def create_functions(connection: sa.Connection) -> None:
    """Create `fold_case` and `fold_search`.

    Their bodies are parsed now, so that no search_path changes their meaning. `unaccent` is not immutable for
    PostgreSQL because its rules are a file. They change with a major version at most, and only stored search texts
    depend on them.
    """
    names = {"names": list(COLLATIONS)}
    collation = connection.scalar(
        sa.text(
            "SELECT collname FROM pg_collation WHERE collname = ANY (:names) ORDER BY array_position(:names, collname)"
        ),
        names,
    )
    decomposed = f'lower(normalize(value, NFD) COLLATE "{collation or "default"}") COLLATE "default"'
    folded = "translate({}, '{}', '{}')".format(decomposed, *ONE_TO_ONE)
    folded = reduce(lambda sql, pair: "replace({}, '{}', '{}')".format(sql, *pair), ONE_TO_MANY, folded)
    create_function(connection, "fold_case", f"normalize({folded}, NFC)")
    op.execute("""
        DO $$ BEGIN
            CREATE EXTENSION IF NOT EXISTS unaccent;
        EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN
            RAISE WARNING 'no unaccent (%): searches keep ł, ø and æ', SQLERRM;
        END $$
    """)
    bare = r"regexp_replace(normalize(fold_case(value), NFD), '[\u0300-\u036f]+', '', 'g')"
    if schema := connection.scalar(sa.text(UNACCENT_SCHEMA)):
        bare = f"{schema}.unaccent('{schema}.unaccent', {bare})"
    create_function(connection, "fold_search", f"fold_case(coalesce(nullif({bare}, ''), value))")


def create_function(connection: sa.Connection, name: str, body: str) -> None:
    connection.exec_driver_sql(
        f"CREATE FUNCTION {name}(value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE"
        f" RETURN CASE WHEN {IS_ASCII} THEN {LOWER_ASCII} ELSE {body} END"
    )


def offending_rows(connection: sa.Connection) -> list[tuple[str, list[object]]]:
    equal = (
        "SELECT array_agg(id_key ORDER BY id_key) FROM clients GROUP BY fold_case(email) HAVING count(*) > 1 ORDER BY 1"
    )
    faults = [
        ("clients with equal e-mail addresses apart from letter case", list(connection.scalars(sa.text(equal)))),
        ("clients whose e-mail address is not in normal form", unusual_emails(connection)),
    ]
    visible = {"visible": f"[^{INVISIBLE}]".replace("\0", "\1")}
    for table, columns in FILLED.items():
        for column in columns:
            sql = f"SELECT id_key FROM {table} WHERE {column} !~ :visible ORDER BY 1"  # noqa: S608 # constants
            blank = sa.text(sql)
            faults.append(
                (f"{table} without a visible character in {column}", list(connection.scalars(blank, visible)))
            )
    return faults


def unusual_emails(connection: sa.Connection) -> list[object]:
    """Return the keys of clients that a search for their e-mail address would not find."""
    plain = r"^[a-z0-9_+-]+(\.[a-z0-9_+-]+)*@([a-z0-9]+\.)+[a-z]{2,}$"
    rows = connection.execute(
        sa.text("SELECT id_key, email FROM clients WHERE email !~ :plain ORDER BY 1"), {"plain": plain}
    )
    return [id_key for id_key, email in rows if not is_normal(email)]


def is_normal(email: str) -> bool:
    """Return True for the normal form of an address, and for a text that is no address: it is searched as it is."""
    try:
        return normal_email(email) == email
    except EmailNotValidError:
        return True


def downgrade() -> None:
    op.execute("""
        DROP INDEX IF EXISTS ix_products_category_id_bucket_search_text_trgm, ix_clients_bucket_search_text_trgm
    """)
    for table in SEARCHED:
        op.drop_column(table, "search_text")
    op.drop_index("uq_clients_email", "clients")
    op.create_index("uq_clients_email", "clients", [sa.text("lower(email)")], unique=True)
    for function in ("fold_search", "fold_case"):
        op.execute(f"DROP FUNCTION {function}")
    op.execute(f"""
        DO $$ BEGIN
            CREATE INDEX ix_products_category_id_stretch_name_trgm
                ON products USING gin (category_id, (id_key >> 15), lower(name) gin_trgm_ops) {PENDING};
            CREATE INDEX ix_clients_stretch_name_lastname_trgm
                ON clients USING gin ((id_key >> 15), lower(name || ' ' || lastname) gin_trgm_ops) {PENDING};
        EXCEPTION WHEN undefined_object THEN
            RAISE WARNING 'no pg_trgm or btree_gin (%): searches read whole tables', SQLERRM;
        END $$
    """)
