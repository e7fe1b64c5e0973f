"""The load generator wrk. A Lua script makes it print its figures as JSON, so no table has to be parsed."""

import json
import secrets
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache

from benchmarks.common import debian

DONE = """
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\\n{"requests": %d, "microseconds": %d, "broken": %d, "timeouts": %d, "refused": %d, "p50": %.0f, "p99": %.0f}\\n',
    summary.requests, summary.duration, errors.connect + errors.read + errors.write, errors.timeout, errors.status,
    latency:percentile(50), latency:percentile(99)))
end
"""

# For scripts that make requests: RUN is unique for each run, THREAD for each thread, and `turn` counts up.
REQUESTS = """
local RUN, threads, turn = "{run}", 0, 0
function setup(thread)
  thread:set("THREAD", threads)
  threads = threads + 1
end
function request()
  turn = turn + 1
  return next_request(RUN, THREAD, turn)
end
"""


@dataclass(frozen=True)
class Sample:
    """Figures of one run. `refused` counts responses of 400 and above, `broken` requests without a response."""

    rate: float
    p50_ms: float
    p99_ms: float
    requests: int
    refused: int
    broken: int


def wrk(url: str, connections: int, seconds: int, script: str = "") -> Sample:
    """Load `url`, or the requests that the Lua function `next_request(run, thread, turn)` of `script` returns."""
    threads = min(2, connections)
    requests = REQUESTS.replace("{run}", secrets.token_hex(4)) + script if script else ""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(DONE + requests)
        file.flush()
        command = [program(), f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"]
        done = subprocess.run([*command, "-s", file.name, url], capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or not lines:
        raise SystemExit(f"wrk failed on {url}:\n{done.stdout}{done.stderr}")
    told = json.loads(lines[-1])
    return Sample(
        rate=told["requests"] / (told["microseconds"] / 1e6),
        p50_ms=told["p50"] / 1000,
        p99_ms=told["p99"] / 1000,
        requests=told["requests"],
        refused=told["refused"],
        broken=told["broken"] + told["timeouts"],
    )


@cache
def program() -> str:
    """Return the path of wrk. Install it for root on Debian and Ubuntu; exit if it is missing."""
    if found := shutil.which("wrk"):
        return found
    debian.install("wrk")
    if found := shutil.which("wrk"):
        return found
    sys.exit("wrk, the load generator, is needed: `apt install wrk` or `brew install wrk`.")


def version() -> str:
    told = subprocess.run([program(), "--version"], capture_output=True, text=True, check=False).stdout
    return told.split("Copyright")[0].replace("wrk", "").strip()
