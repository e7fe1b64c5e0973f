"""Test of nginx.conf: the real nginx in front of simulated service instances and a simulated Docker name server.

Usage: edge_test.py NGINX, the path of its binary. All sockets listen on loopback. The configuration is used as it is,
except for ports and paths.
"""

# ruff: noqa: S101, S108, S603 # a test: it asserts, runs the given binary and names the paths to replace

import gzip
import json
import random
import re
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CONF = Path(__file__).with_name("nginx.conf")
INSTANCES = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
ETAG = '"0123-gzip"'
FORGED = {"X-Forwarded-For": "203.0.113.9", "X-Real-IP": "203.0.113.9", "Forwarded": "for=203.0.113.9"}


class Instance(BaseHTTPRequestHandler):
    """Simulated instance that returns its address and the request."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = json.dumps({"by": self.connection.getsockname()[0], "path": self.path, "headers": headers}).encode()
        self.send_response(200)
        if headers.get("accept-encoding") == "gzip":
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Type", "application/json")
        self.send_header("ETag", ETAG)
        self.send_header("Vary", "Accept-Encoding")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 # name of the base class

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


class NameServer(socketserver.BaseRequestHandler):
    """Simulated name server that resolves every name to the addresses of all instances."""

    def handle(self) -> None:
        query, connection = self.request
        head = query[:2] + b"\x81\x80" + query[4:6] + len(INSTANCES).to_bytes(2, "big") + bytes(4)
        record = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04"
        answers = b"".join(record + socket.inet_aton(address) for address in INSTANCES)
        connection.sendto(head + query[12:] + answers, self.client_address)


class NginxClient:
    """Client of a running nginx."""

    def __init__(self, plain: int, tls: int) -> None:
        self.plain, self.tls = plain, tls
        self._context = ssl._create_unverified_context()  # noqa: S323 # the certificate is self-signed

    def request(
        self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[HTTPResponse, Any]:
        """Send a GET, or a POST when there is a body. Return the response and its parsed JSON."""
        connection = HTTPSConnection("127.0.0.1", self.tls, timeout=15, context=self._context)
        connection.request("GET" if body is None else "POST", path, body, headers or {})
        response = connection.getresponse()
        text = response.read()
        if response.getheader("Content-Encoding") == "gzip":
            text = gzip.decompress(text)
        connection.close()
        return response, json.loads(text)

    def send(self, request: bytes) -> bytes:
        """Send bytes that no HTTP client would send, and return all that nginx answers."""
        with (
            socket.create_connection(("127.0.0.1", self.tls), 15) as plain,
            self._context.wrap_socket(plain) as connection,
        ):
            connection.sendall(request)
            return b"".join(iter(lambda: connection.recv(65536), b""))


def test_clients_cannot_choose_their_address(edge: NginxClient) -> None:
    _, seen = edge.request("/products", headers=FORGED)
    assert seen["headers"]["x-forwarded-for"] == seen["headers"]["x-real-ip"] == "127.0.0.1", seen
    assert seen["headers"]["x-forwarded-proto"] == "https", seen
    assert "forwarded" not in seen["headers"], seen


def test_all_instances_get_requests(edge: NginxClient) -> None:
    assert {edge.request("/products")[1]["by"] for _ in range(60)} == set(INSTANCES)


def test_paths_and_queries_arrive_as_sent(edge: NginxClient) -> None:
    assert edge.request("/products/?q=a%20b&limit=5")[1]["path"] == "/products/?q=a%20b&limit=5"


def test_metrics_and_the_audit_log_are_not_public(edge: NginxClient) -> None:
    metrics = ("/metrics", "/metrics/", "/%6detrics", "//metrics", "/x/../metrics", "/./metrics?x=1")
    below_root_path = ("/api/v1/metrics", "/api/v1/audit?limit=1", "/api/v1//%61udit")
    for path in (*metrics, *below_root_path, "/audit", "/audit/", "/%61udit?limit=1", "//audit", "/x/../audit"):
        response, seen = edge.request(path)
        assert response.status == 404, (path, seen)


def test_credentials_arrive_as_sent(edge: NginxClient) -> None:
    credentials = {"x-api-key": "eck_name", "authorization": "Bearer a.b.c"}
    seen = edge.request("/products", headers=credentials)[1]["headers"]
    assert credentials.items() <= seen.items(), seen


def test_compressed_responses_pass_unchanged(edge: NginxClient) -> None:
    for accepted in ("gzip", "identity"):
        response, seen = edge.request("/products", headers={"Accept-Encoding": accepted})
        assert seen["headers"]["accept-encoding"] == accepted, seen
        assert response.getheader("Content-Encoding") == (accepted if accepted == "gzip" else None)
        assert (response.getheader("ETag"), response.getheader("Vary")) == (ETAG, "Accept-Encoding")


def test_bodies_are_limited(edge: NginxClient) -> None:
    response, seen = edge.request("/products", bytes(1_048_577))
    assert response.status == 413, seen
    assert edge.request("/products", bytes(1_048_576))[0].status == 200
    for path in ("/products/import", "/api/v1/products/import?dry_run=true"):
        response, seen = edge.request(path, bytes(2_097_152), FORGED)
        assert (response.status, seen["path"]) == (200, path), seen
        assert seen["headers"]["x-forwarded-for"] == "127.0.0.1", seen
    assert edge.request("/products/imports", bytes(1_048_577))[0].status == 413


def test_headers_are_limited(edge: NginxClient) -> None:
    response, seen = edge.request("/products", headers={"Cookie": "x" * 9000})
    assert response.status == 400, seen


def test_malformed_requests_are_json(edge: NginxClient) -> None:
    for line in (
        b"GET /%00 HTTP/1.1",
        b"GET /%zz HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"TRACE / HTTP/1.1",
        b"GET x HTTP/1.1",
    ):
        answered = edge.send(line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
        status, head, body = int(answered[9:12]), *answered.split(b"\r\n\r\n", 1)
        assert status in (400, 405), (line, answered)
        assert b"content-type: application/json" in head.lower(), (line, answered)
        assert json.loads(body)["detail"], (line, answered)
    for garbage in (b"hello\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"):
        assert b'\r\n\r\n{"detail": ' in edge.send(garbage), garbage


def test_plain_http_redirects_to_tls(edge: NginxClient) -> None:
    assert edge.request("/products")[0].getheader("Strict-Transport-Security")
    plain = HTTPConnection("127.0.0.1", edge.plain, timeout=5)
    plain.request("GET", "/products?limit=1", headers={"Host": "shop.example"})
    response = plain.getresponse()
    plain.close()
    assert response.status == 308, response.status
    assert response.getheader("Location") == "https://shop.example/products?limit=1"


def test_a_lost_instance_costs_no_request(edge: NginxClient, instances: list[ThreadingHTTPServer]) -> None:
    close(instances.pop())
    assert {edge.request("/products")[0].status for _ in range(30)} == {200}


def test_no_instance_is_a_503(edge: NginxClient, instances: list[ThreadingHTTPServer]) -> None:
    while instances:
        close(instances.pop())
    response, seen = edge.request("/products")
    assert response.status == 503, seen
    assert response.getheader("Retry-After") == "5"
    assert seen == {"detail": "Service temporarily unavailable"}


def test_the_log_keeps_no_queries(folder: Path) -> None:
    log = (folder / "access.log").read_text(encoding="utf-8")
    assert "GET /products/ 200" in log
    assert "limit=5" not in log


def close(server: socketserver.BaseServer) -> None:
    """Stop a server and close its socket."""
    server.shutdown()
    server.server_close()


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    """Serve from a thread until the block ends."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield
    finally:
        close(server)
        thread.join()


def configure(ports: dict[str, int], folder: Path) -> str:
    """Return nginx.conf with the ports and paths of this test."""
    conf = CONF.read_text(encoding="utf-8")
    places = {"/tmp/": f"{folder}/", "/etc/nginx/tls/": f"{folder}/", "/dev/stdout": f"{folder}/access.log"}
    listens = {
        "listen 127.0.0.1:8081": f"listen 127.0.0.1:{ports['health']}",
        "listen 80 ": f"listen 127.0.0.1:{ports['plain']} ",
        "listen 443 ": f"listen 127.0.0.1:{ports['tls']} ",
        "resolver 127.0.0.11 ": f"resolver 127.0.0.1:{ports['names']} ",
        "api:8000": f"api:{ports['api']}",
    }
    for old, new in (places | listens).items():
        assert old in conf, f"nginx.conf does not contain {old!r}"
        conf = conf.replace(old, new)
    assert not re.search(r"listen (?!127\.)", conf), "nginx would listen beyond loopback"
    return conf


@contextmanager
def running(nginx: str, ports: dict[str, int], folder: Path) -> Iterator[None]:
    """Run nginx with a self-signed certificate until the block ends."""
    (folder / "nginx.conf").write_text(configure(ports, folder), encoding="utf-8")
    key, certificate = folder / "privkey.pem", folder / "fullchain.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    run = [nginx, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    subprocess.run([*run, "-t"], check=True)
    with subprocess.Popen(run) as process:
        try:
            wait_for(ports["tls"])
            yield
        finally:
            process.terminate()


def wait_for(port: int) -> None:
    """Wait up to ten seconds until a program listens on a port."""
    deadline = time.monotonic() + 10
    while not is_taken(port):
        assert time.monotonic() < deadline, "nginx does not listen"
        time.sleep(0.05)


def is_taken(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def main(nginx: str) -> None:
    """Run all tests."""
    # Below the ephemeral ports of outgoing connections.
    free = (port for port in random.sample(range(20000, 32000), 100) if not is_taken(port))
    ports = dict(zip(("plain", "tls", "health", "names", "api"), free, strict=False))
    instances = [ThreadingHTTPServer((address, ports["api"]), Instance) for address in INSTANCES]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)  # readable for nginx's workers, which run as another user
        stack.enter_context(serving(socketserver.UDPServer(("127.0.0.1", ports["names"]), NameServer)))
        for instance in instances:
            stack.enter_context(serving(instance))
        stack.enter_context(running(nginx, ports, folder))
        edge = NginxClient(ports["plain"], ports["tls"])
        for test in (
            test_clients_cannot_choose_their_address,
            test_all_instances_get_requests,
            test_paths_and_queries_arrive_as_sent,
            test_metrics_and_the_audit_log_are_not_public,
            test_credentials_arrive_as_sent,
            test_compressed_responses_pass_unchanged,
            test_bodies_are_limited,
            test_headers_are_limited,
            test_malformed_requests_are_json,
            test_plain_http_redirects_to_tls,
        ):
            test(edge)
        test_a_lost_instance_costs_no_request(edge, instances)
        test_no_instance_is_a_503(edge, instances)
        test_the_log_keeps_no_queries(folder)


if __name__ == "__main__":
    main(sys.argv[1])
