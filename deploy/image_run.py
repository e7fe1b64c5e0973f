"""Test of the production image in a buildah container with real servers: start, health check, requests, stop.

Usage: image_run.py CONTAINER. Secrets are files, as from an orchestrator. The service may write only to /tmp.
"""

# ruff: noqa: S101, S603 # a test: it asserts and runs buildah from PATH

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from config.settings import Settings
from infrastructure.embedded.lifecycle import embedded_servers
from infrastructure.embedded.ports import free_port


class Container:
    """Container with the image's user, file system and environment, on this machine's network."""

    def __init__(self, name: str, settings: Settings, secrets: Path, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._name = name
        (secrets / "postgres_password").write_text(settings.postgres_password.get_secret_value())
        (secrets / "postgres_owner_password").write_text(settings.postgres_owner_password.get_secret_value())
        (secrets / "redis_password").write_text(settings.redis_password.get_secret_value())
        environment = {
            "POSTGRES_HOST": settings.postgres_host,
            "POSTGRES_PORT": settings.postgres_port,
            "POSTGRES_DB": settings.postgres_db,
            "POSTGRES_USER": settings.postgres_user,
            "POSTGRES_PASSWORD_FILE": "/run/secrets/postgres_password",
            "REDIS_HOST": settings.redis_host,
            "REDIS_PORT": settings.redis_port,
            "REDIS_PASSWORD_FILE": "/run/secrets/redis_password",
            "API_HOST": "127.0.0.1",
            "API_PORT": port,
            "UVICORN_WORKERS": 2,
            "AUTH_MODE": "api_key",
        }
        self._headers = {"Content-Type": "application/json"}
        self._run = ["buildah", "run", "--isolation", "chroot", "--volume", f"{secrets}:/run/secrets:ro"]
        self._run += [f"--env={key}={value}" for key, value in environment.items()]

    def start(self, *command: str, stderr: int | None = None) -> subprocess.Popen[bytes]:
        """Start a command in the container."""
        return subprocess.Popen([*self._run, self._name, "--", *command], stderr=stderr)

    def migrate(self, owner: str | None) -> None:
        """Migrate as the owner of the tables, whom the service does not know."""
        run, file = [*self._run, f"--env=POSTGRES_OWNER={owner}"], "/run/secrets/postgres_owner_password"
        run += [f"--env=POSTGRES_OWNER_PASSWORD_FILE={file}", self._name, "--", "python", "-m", "migrations.runner"]
        subprocess.run(run, check=True)

    def is_ready(self) -> bool:
        """Run the image's own health check."""
        return self.start("python", "deploy/healthcheck.py", stderr=subprocess.DEVNULL).wait() == 0

    def request(self, path: str, body: object = None) -> Any:
        """Send a GET, or a POST with a JSON body. Return the response's JSON, or its text."""
        data = None if body is None else json.dumps(body).encode()
        message = urllib.request.Request(self.url + path, data, self._headers)  # noqa: S310
        with urllib.request.urlopen(message, timeout=10) as response:  # noqa: S310
            text = response.read().decode()
        return json.loads(text) if response.headers["Content-Type"].startswith("application/json") else text

    def become_admin(self) -> None:
        """Make the first admin key inside the container, as an operator does, and use it from now on."""
        command = [*self._run, self._name, "--", "./shop", "api-key", "make", "admin"]
        made = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        self._headers["X-API-Key"] = made[made.index("Key") + 1]

    def written_files(self) -> set[str]:
        """Return the files of the service's user outside /tmp."""
        find = "find / -xdev -path /proc -prune -o -path /sys -prune -o -path /tmp -prune -o -user 10001 -type f -print"
        command = [*self._run, self._name, "--", "sh", "-c", f"{find} 2>/dev/null"]
        return set(subprocess.run(command, capture_output=True, text=True, check=False).stdout.split())


def check_requests(container: Container) -> None:
    """Assert that the service answers and writes no files."""
    assert container.request("/health_check")["status"] == "healthy"
    container.become_admin()
    category = container.request("/categories", {"name": "Electronics"})
    assert container.request(f"/categories/{category['id_key']}") == category
    assert "http_requests_total" in container.request("/metrics")
    assert "swagger" in container.request("/docs").lower()
    assert not (files := container.written_files()), files


def main(name: str) -> None:
    """Start the service, send requests, and stop it."""
    with tempfile.TemporaryDirectory() as folder:
        folder_path = Path(folder)
        folder_path.chmod(0o755)  # readable for the container's user
        secrets = folder_path / "secrets"
        secrets.mkdir()
        settings = Settings(_env_file=None, data_dir=folder_path / "data", postgres_host=None, redis_host=None)
        with embedded_servers(settings, fast=True) as complete:
            container = Container(name, complete, secrets, free_port())
            assert not container.is_ready(), "it is ready before its start"
            container.migrate(complete.postgres_owner)
            service = container.start("sh", "-c", "echo $$ >/tmp/pid; exec python run_production.py")
            try:
                deadline = time.monotonic() + 120
                while not container.is_ready():
                    assert service.poll() is None, "the service has ended"
                    assert time.monotonic() < deadline, "the service does not become ready"
                    time.sleep(0.5)
                check_requests(container)
                container.start("sh", "-c", "kill $(cat /tmp/pid)").wait()
                assert service.wait(timeout=30) == 0, "the service did not stop cleanly"
            finally:
                container.start("sh", "-c", "kill -9 $(cat /tmp/pid)", stderr=subprocess.DEVNULL).wait()
                service.wait(timeout=30)
    print("ok: started, healthy, used and stopped")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
