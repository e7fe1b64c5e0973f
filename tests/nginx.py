"""The real nginx with a configuration of a test."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from infrastructure.embedded.ports import LOOPBACK, free_port
from tests.servers import ROOT, until

BROUGHT = ROOT / ".data" / "check-deploy"


@cache
def find_nginx() -> str | None:
    """Return the path of the program, or None; as root with apt-get, unpack Debian's package if it is missing."""
    paths = f"{os.environ['PATH']}:/usr/sbin:{BROUGHT}/usr/sbin"
    found = shutil.which("nginx", path=paths)
    if found or os.geteuid() or not (shutil.which("apt-get") and shutil.which("dpkg")):
        return found
    BROUGHT.mkdir(parents=True, exist_ok=True)
    for command in ("apt-get -qq update", "apt-get -qq download nginx", "dpkg -x nginx_*.deb ."):
        subprocess.run(command, shell=True, cwd=BROUGHT, capture_output=True, check=False, timeout=120)
    return shutil.which("nginx", path=paths)


@contextmanager
def running_nginx(program: str, locations: str, http: str = "") -> Iterator[str]:
    """Run nginx with these locations in one server, and yield its address. `http` are lines outside of the server."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # readable for nginx's workers, which run as another user
        temporary = "".join(
            f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        conf = Path(folder, "nginx.conf")
        conf.write_text(
            f"worker_processes 1; pid {folder}/pid; events {{}} "
            f"http {{ access_log off; {temporary} {http} server {{ listen {LOOPBACK}:{port};\n{locations}\n}} }}"
        )
        run = [program, "-e", "stderr", "-p", folder, "-c", str(conf), "-g", "daemon off;"]
        with subprocess.Popen(run) as process:
            try:
                until(lambda: _accepts(process, port))
                yield f"http://{LOOPBACK}:{port}"
            finally:
                process.terminate()


def _accepts(process: "subprocess.Popen[bytes]", port: int) -> bool:
    assert process.poll() is None, "nginx has ended"
    with socket.create_connection((LOOPBACK, port)):
        return True
