"""The TypeScript client: generated from the current document, and used against a running service."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.documents.client_document import client_document
from tests.servers import ROOT, running_app

CLIENT = ROOT / "clients/typescript"


def test_types_match_the_document() -> None:
    recorded = (CLIENT / "openapi.sha256").read_text().strip()
    assert recorded == hashlib.sha256(client_document()).hexdigest(), "run `make clients-typescript`"


def test_example_runs(tmp_path: Path) -> None:
    node = shutil.which("node")
    if not node or not (CLIENT / "node_modules").is_dir():
        pytest.skip("TYPESCRIPT CLIENT NOT RUN: Node.js or its packages are missing (`make clients-typescript`)")
    compiler = [node, str(CLIENT / "node_modules/typescript/bin/tsc"), "--outDir", str(tmp_path)]
    subprocess.run(compiler, cwd=CLIENT, check=True)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "node_modules").symlink_to(CLIENT / "node_modules")
    with running_app(tmp_path, {"UVICORN_WORKERS": "1"}) as app:
        run = subprocess.run([node, "example.js", app.url], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert re.fullmatch(r"created \d+, repeated: true", lines[-2])
    assert lines[-1] == "412: The object has changed since it was read"
