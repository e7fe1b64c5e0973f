"""Migration 0011, from a populated audit log of the version before."""

from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, text

from config.settings import Settings
from migrations.runner import alembic_config, migrate
from repositories.checks.consistency_check import disagreements
from tests.migrations.test_migrations import populated_database

BEFORE, AFTER = "0010", "0011"
ENTRIES = [
    ("key:admin001", "POST", "/products"),
    ("key:admin001", "PATCH", "/clients/0001"),
    ("key:client01", "POST", "/orders/checkout"),
    ("jwt-client-1:ada", "PATCH", "/orders/7"),
    ("jwt-client-2:bob", "DELETE", "/addresses/8"),
    ("key:admin001", "DELETE", "/clients/2"),
    ("jwt:admin", "PATCH", "/orders/7"),
    ("", "POST", "/clients"),
]
LOG = """
    INSERT INTO clients (id_key, name, lastname, email) VALUES (1, 'Ann', 'A', 'ann@x.co');
    INSERT INTO api_keys (name, digest, role, client_id)
        VALUES ('admin001', 'a', 'admin', NULL), ('client01', 'c', 'client', 1);
""" + "".join(
    f"INSERT INTO audit (principal, request_id, method, path, status) "
    f"VALUES ('{who}', 'r-{n}', '{how}', '{what}', 200);"
    for n, (who, how, what) in enumerate(ENTRIES)
)


@pytest.fixture
def log(settings: Settings) -> Iterator[tuple[Settings, Engine]]:
    with populated_database(settings, "audited", BEFORE, LOG) as made:
        yield made


def rows(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text("SELECT principal, method, path FROM audit ORDER BY id_key")))


def test_entries_of_earlier_versions_get_pseudonyms_with_their_seal(log: tuple[Settings, Engine]) -> None:
    settings, engine = log
    migrate(settings, AFTER)
    assert rows(engine) == ENTRIES
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT entries FROM seal_audit()")) == len(ENTRIES)
        pseudonym = connection.scalar(text("SELECT pseudonym FROM audit_keys WHERE client_id = 1"))
        order = connection.scalar(text("SELECT audit_mask(audit_key(1), 'r-3', 7)"))
    assert rows(engine) == [
        ("key:admin001", "POST", "/products"),
        ("key:admin001", "PATCH", f"/clients/{pseudonym}"),
        (f"client:{pseudonym}", "POST", "/orders/checkout"),
        (f"client:{pseudonym}", "PATCH", f"/orders/{order}"),
        ("client:-", "DELETE", "/addresses/-"),
        ("key:admin001", "DELETE", "/clients/-"),
        ("jwt:admin", "PATCH", "/orders/7"),
        ("", "POST", "/clients"),
    ]
    migrate(settings)  # the check is that of the newest version
    with engine.connect() as connection:
        assert disagreements(connection) == []


def test_the_version_before_keeps_working(log: tuple[Settings, Engine]) -> None:
    settings, engine = log
    migrate(settings, AFTER)
    with engine.begin() as connection:
        connection.execute(text(LOG.partition("\n    INSERT INTO api_keys")[2].partition(";\n")[2]))
        connection.execute(text("DELETE FROM clients"))
    assert rows(engine) == ENTRIES * 2


def test_it_can_be_reverted(log: tuple[Settings, Engine]) -> None:
    settings, engine = log
    migrate(settings, AFTER)
    with engine.begin() as connection:
        connection.execute(text("SELECT seal_audit()"))
        command.downgrade(alembic_config(connection), BEFORE)
    assert len(rows(engine)) == len(ENTRIES)
    migrate(settings, AFTER)
