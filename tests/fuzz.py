"""Schemathesis against the running service: `make fuzz`. It knows the service only from `/openapi.json`.

With `--authenticated` the service requires credentials (AUTH_MODE=both), and the requests carry an admin's token: a key
would soon be revoked by one of them. Other arguments go to Schemathesis, for example `--phases stateful`.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jwt

from tests.servers import ROOT, App, environment_without_settings, running_app

ISSUER, AUDIENCE = "https://login.example.com", "shop"
AUTHENTICATION = {
    "AUTH_MODE": "both",
    "JWT_SECRET": "a secret for the fuzzer, and no other",
    "JWT_ISSUER": ISSUER,
    "JWT_AUDIENCE": AUDIENCE,
}


def main() -> int:
    arguments, more = parser().parse_known_args()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        folder = Path(name)
        environment = {"DATA_DIR": str(folder / "data"), "LOG_TO_FILE": "false", "LOG_LEVEL": "WARNING"}
        environment |= AUTHENTICATION if arguments.authenticated else {}
        with running_app(folder, environment) as app:
            run_script(folder, environment, "scripts.demo", "--size", "small")
            headers = {"Authorization": f"Bearer {admin_token()}"} if arguments.authenticated else {}
            found = fuzz(app, arguments, headers, more)
        sys.stdout.write(app.log.read_text()[-5000:] if found else "")
    sys.stdout.write(f"Again: make fuzz CASES={arguments.cases} SEED={arguments.seed}\n")
    return found


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzz the service with Schemathesis.")
    parser.add_argument("--cases", type=int, default=50, help="maximum for each operation in each phase")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="default: random")
    parser.add_argument("--seconds", type=int, default=3600, help="time limit")
    parser.add_argument("--authenticated", action="store_true", help="AUTH_MODE=both, with an admin's token")
    return parser


def fuzz(app: App, arguments: argparse.Namespace, headers: dict[str, str], more: list[str]) -> int:
    """Run Schemathesis with visible progress and return its exit code: 0 if it found nothing."""
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{app.url}/openapi.json"]
    command += ["--max-examples", str(arguments.cases), "--seed", str(arguments.seed)]
    command += ["--max-time", str(arguments.seconds), *more]
    command += [part for name, value in headers.items() for part in ("--header", f"{name}: {value}")]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def admin_token() -> str:
    claims = {"sub": "fuzzer", "role": "admin", "iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 86_400}
    return jwt.encode(claims, AUTHENTICATION["JWT_SECRET"], "HS256")


def run_script(folder: Path, environment: dict[str, str], module: str, *arguments: str) -> None:
    """Run one of the project's scripts on the database of the running service."""
    command = [sys.executable, "-m", module, *arguments]
    settings = environment_without_settings() | environment | {"PYTHONPATH": str(ROOT)}
    subprocess.run(command, cwd=folder, env=settings, stdout=subprocess.DEVNULL, check=True)


if __name__ == "__main__":
    sys.exit(main())
