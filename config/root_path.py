"""`ROOT_PATH`: the path below which a gateway shows the service."""

import re

RESOURCES = (
    "addresses api_keys audit bills categories clients credit_notes events order_details orders payments products "
    "returns reviews shipments stock_movements webhook_deliveries webhook_endpoints"
)
PAGES = "console demo docs guide health_check metrics openapi.json redoc static"
OWN_PATHS = frozenset(f"{RESOURCES} {PAGES}".split())
"""The first parts of the service's own paths."""

_has_plain_parts = re.compile(r"(/[A-Za-z0-9._~-]+)+").fullmatch


def checked_root_path(value: str) -> str:
    """Return the path without a slash at its end. Raise ValueError with the reason if it cannot be used."""
    path = value.rstrip("/")
    if not path:
        return ""
    parts = path.split("/")[1:]
    if not _has_plain_parts(path) or not {".", ".."}.isdisjoint(parts):
        raise ValueError("must begin with / and consist of letters, digits and . _ ~ -")
    if parts[0] in OWN_PATHS:
        raise ValueError(f"must not begin with /{parts[0]}, a path of the service itself")
    return path
