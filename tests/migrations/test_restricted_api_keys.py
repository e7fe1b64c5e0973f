"""Migration 0012, from a populated database of the version before."""

from collections.abc import Iterator

import pytest
from alembic import command
from sqlalchemy import Engine, text

from config.settings import Settings
from migrations.runner import alembic_config, migrate
from tests.migrations.test_migrations import populated_database

BEFORE, AFTER = "0011", "0012"
KEYS = """
    INSERT INTO clients (id_key, name, lastname, email) VALUES (7, 'Ann', 'A', 'ann@x.co');
    INSERT INTO api_keys (name, digest, role, client_id, created_at, revoked_at) VALUES
        ('b', 'b', 'client', 7, '2026-01-02Z', NULL),
        ('a', 'a', 'admin', NULL, '2026-01-03Z', '2026-01-04Z'),
        ('c', 'c', 'admin', NULL, '2026-01-01Z', NULL);
"""
OF_THE_VERSION_BEFORE = """
    INSERT INTO api_keys (name, digest, role, client_id) VALUES ('d', 'd', 'admin', NULL);
    UPDATE api_keys SET last_used_at = now() WHERE digest = 'd' AND revoked_at IS NULL;
    UPDATE api_keys SET revoked_at = now() WHERE name = 'd';
"""
COLUMNS = "name, digest, role, client_id, created_at, last_used_at, revoked_at"


@pytest.fixture
def shop(settings: Settings) -> Iterator[tuple[Settings, Engine]]:
    with populated_database(settings, "restricted_keys", BEFORE, KEYS) as made:
        yield made


def test_keys_are_kept_and_numbered_by_age(shop: tuple[Settings, Engine]) -> None:
    settings, engine = shop
    rows = text(f"SELECT {COLUMNS} FROM api_keys ORDER BY name")
    with engine.connect() as connection:
        before = connection.execute(rows).all()
    migrate(settings, AFTER)
    with engine.begin() as connection:
        assert connection.execute(rows).all() == before
        connection.execute(text(OF_THE_VERSION_BEFORE))
        found = connection.execute(text("SELECT name, id_key FROM api_keys ORDER BY id_key")).all()
        assert dict(map(tuple, found)) == {"c": 1, "b": 2, "a": 3, "d": 4}


def test_keys_with_an_end_are_revoked_by_a_downgrade(shop: tuple[Settings, Engine]) -> None:
    """Expect it also before their end: the version before does not know it."""
    settings, engine = shop
    migrate(settings, AFTER)
    with engine.connect() as connection:
        connection.execute(text("UPDATE api_keys SET expires_at = '2099-01-01Z' WHERE name = 'c'"))
        command.downgrade(alembic_config(connection), BEFORE)
        valid = connection.scalars(text("SELECT name FROM api_keys WHERE revoked_at IS NULL")).all()
        assert valid == ["b"]
        connection.commit()
    migrate(settings, AFTER)
