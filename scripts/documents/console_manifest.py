"""Checksums of the sources of the console and of its committed build.

`python -m scripts.documents.console_manifest` writes them after the build. A test compares them, so a change of the
sources without `make console` is noticed, without Node.js.
"""

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[2]
MANIFEST = ROOT / "static/console/SHA256SUMS"
SOURCES = "console", "clients/typescript/src"
BUILD = "static/console"
NOT_BUILT = "node_modules", "schema.ts"  # packages: the lock names them; generated types: the build erases them
TITLE = "# The console's sources and the files built from them. `sha256sum -c static/console/SHA256SUMS` checks them.\n"


def manifest() -> str:
    """Return the lines of the manifest for the current files."""
    files = [file for folder in (*SOURCES, BUILD) for file in sorted(_files(ROOT / folder))]
    return TITLE + "".join(f"{sha256(file.read_bytes()).hexdigest()}  {file.relative_to(ROOT)}\n" for file in files)


def _files(folder: Path) -> Iterator[Path]:
    for entry in folder.iterdir():
        if entry.name in NOT_BUILT or entry == MANIFEST:
            continue
        if entry.is_dir():
            yield from _files(entry)
        else:
            yield entry


if __name__ == "__main__":
    MANIFEST.write_text(manifest())
