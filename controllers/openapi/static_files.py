"""Addresses of the service's own files under `/static`."""

from hashlib import sha256
from pathlib import Path

STATIC = Path(__file__).parents[2] / "static"
FAVICON = "swagger-ui/favicon-32x32.png"


def address(file: str, root: str | None = None) -> str:
    """Return the address below the path `root`; without it, relative to a page next to `/static`.

    A relative address is right below any prefix that a proxy adds. It changes with the contents of the file.
    """
    path = f"static/{file}?v={sha256((STATIC / file).read_bytes()).hexdigest()[:12]}"
    return path if root is None else f"{root}/{path}"
