"""Command that generates an entity: `python -m scripts.entity supplier "name:Name!,city:Text?"`, or `make entity`.

It writes the files, the registrations and the tests of the recipe in docs/ARCHITECTURE.md, and a migration of the
settings' database. If it fails, the tree is as before.
"""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, run

from scripts.entity.kinds import KINDS
from scripts.entity.registration import register
from scripts.entity.sources import sources
from scripts.entity.specification import FORM, Entity, SpecificationError, parse
from scripts.entity.tree import Tree

ROOT = Path.cwd()
VERSIONS = "migrations/versions"
DIAGRAM = "docs/ER.md"
TYPES = ", ".join(name for name in KINDS if name != "reference")
FORMATTERS = (
    ("ruff", "check", "--fix-only", "--silent"),
    ("isort", "--quiet"),
    ("black", "--quiet"),
)
NEXT = """{files}

Read {migration}, then run make migrate, or make run.
Only admins may use /{table}: `access` in controllers/{name}_controller.py changes that, docs/API.md describes it.
"""


def main(
    name: Annotated[str, Argument(help="Singular in snake case, such as purchase_order.")],
    fields: Annotated[
        str, Argument(help=f"Separated by commas: {FORM}. Types: {TYPES}, and entities (product:Product).")
    ],
) -> None:
    """Generate an entity: five files, migration, registrations and tests."""
    tree = Tree(ROOT)
    try:
        entity = parse(name, fields, ROOT)
        for path, text in sources(entity).items():
            tree.add(path, text)
        register(tree, entity)
    except SpecificationError as error:
        sys.exit(str(error))
    with tree.written(VERSIONS):
        formatted([path for path in tree.changed if path.endswith(".py")])
        migration = write_migration(entity)
        formatted([migration])
        subprocess.run([sys.executable, "-m", "scripts.documents.er_diagram"], cwd=ROOT, check=True)
    files = "\n".join([*tree.changed, migration, DIAGRAM])
    sys.stdout.write(NEXT.format(files=files, migration=migration, table=entity.table, name=name))


def formatted(paths: list[str]) -> None:
    for formatter in FORMATTERS:
        subprocess.run([sys.executable, "-m", *formatter, *paths], cwd=ROOT, check=True)  # noqa: S603 # own tools


def write_migration(entity: Entity) -> str:
    """Write the migration with a process that imports the new model, add the event triggers, and return its path."""
    before = set((ROOT / VERSIONS).glob("*.py"))
    command = [sys.executable, "-m", "migrations.runner", "make", entity.table]
    done = subprocess.run(command, cwd=ROOT, check=False)  # noqa: S603 # the words are checked
    if done.returncode:
        sys.exit("The migration cannot be written, so nothing has been changed.")
    [made] = set((ROOT / VERSIONS).glob("*.py")) - before
    made.write_text(with_event_triggers(made.read_text(encoding="utf-8"), entity), encoding="utf-8")
    return str(made.relative_to(ROOT))


def with_event_triggers(source: str, entity: Entity) -> str:
    """Return the migration with the triggers of the entity's events, and without Alembic's own comments."""
    functions = "create_event_triggers", "drop_event_triggers"
    create, drop = f'{functions[0]}("{entity.table}", "{entity.name}")', f'{functions[1]}("{entity.table}")'
    source = "".join(line for line in source.splitlines(keepends=True) if not line.startswith("    # ###"))
    source = source.replace(
        "import op\n", f"import op\n\nfrom migrations.event_triggers import {', '.join(functions)}\n"
    )
    downgrade = "def downgrade() -> None:\n"
    return source.replace(f"\n\n\n{downgrade}", f"\n    {create}\n\n\n{downgrade}    {drop}\n")


if __name__ == "__main__":
    run(main)
