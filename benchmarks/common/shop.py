"""Expected responses to the reads that all variants serve, taken directly from the database."""

import json
from typing import Any

from benchmarks.common.servers import Servers

PRODUCTS, PRODUCT, CLIENTS = "/products?skip=0&limit=10", "/products/1", "/clients?skip=0&limit=100"
CREATED = {"id_key": 1, "name": "Jo", "lastname": "Doe", "email": "jo@example.com", "telephone": "+15551234567"}

_PRODUCT = "SELECT id_key, name, price, stock, category_id FROM products ORDER BY id_key LIMIT 10"
_CLIENT = "SELECT id_key, name, lastname, email, telephone FROM clients ORDER BY id_key LIMIT 100"


def right_answers(servers: Servers) -> dict[str, Any]:
    """Return the expected JSON by path."""
    products, clients = _rows(servers, _PRODUCT), _rows(servers, _CLIENT)
    return {PRODUCTS: products, PRODUCT: products[0], CLIENTS: clients}


def write_bodies(servers: Servers, answers: dict[str, Any]) -> str:
    """Write bodies by method and path for the applications that return ready-made bytes; return the file's name."""
    bodies = {f"GET {path.partition('?')[0]}": _compact(answer) for path, answer in answers.items()}
    file = servers.folder / "bodies.json"
    file.write_text(json.dumps({**bodies, "POST /clients": _compact(CREATED)}))
    return str(file)


def _rows(servers: Servers, sql: str) -> Any:
    return servers.query(f"SELECT json_agg(row) FROM ({sql}) AS row")[0][0]


def _compact(value: Any) -> str:
    """Serialize as web frameworks do: without spaces, non-ASCII letters unescaped."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
