"""Checks of Redis by the handshake of a worker, which tries address, credentials, rights and memory."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hiredis import HiredisError

from config.settings import Settings
from infrastructure.redis.availability import outage_log
from infrastructure.redis.client import Redis, RedisClient
from infrastructure.redis.protocol import RedisDownError
from scripts.doctor.findings import Finding, clock_finding, collected_warnings
from services.context.app_context import AppContext

CACHE, LIMITER = "Redis", "Redis of the limiter"
WAIT_SECONDS = 5.0  # a busy machine may need several attempts
POLL_SECONDS = 0.02
START = "Start it, or correct REDIS_HOST and the related settings, or REDIS_URL (of the limiter: RATE_LIMIT_REDIS_URL)."
GUIDE = "docs/REDIS_IMPLEMENTATION_GUIDE.md#settings-of-the-server"

Facts = dict[str, str]


async def findings(settings: Settings) -> list[Finding]:
    """Return the findings about the server of the cache, and about that of the limiter if it is another one."""
    if not settings.redis_enabled:
        return [Finding(CACHE, "connection", "skipped", "REDIS_ENABLED is false")]
    with collected_warnings() as records:
        async with worker(settings) as app_context:
            named = [(CACHE, app_context.redis), (LIMITER, app_context.limiter_redis)]
            lists = [await client_findings(area, client, records) for area, client in named if client]
    return [finding for one in lists for finding in one]


@asynccontextmanager
async def worker(settings: Settings) -> AsyncIterator[AppContext]:
    """Yield the parts of a worker that joins the members of the cache and leaves them at the end."""
    from main import create_fastapi_app  # noqa: PLC0415 # it needs valid settings

    app_context: AppContext = create_fastapi_app(settings).state.app_context
    for client in app_context.redis_clients:
        client.start()
    try:
        yield app_context
    finally:
        await asyncio.gather(*(client.stop() for client in app_context.redis_clients))
        app_context.database.close()


async def client_findings(area: str, client: Redis, records: list[logging.LogRecord]) -> list[Finding]:
    """Return the findings about the servers of a client. Its log lines name the reason of a failure, and the remedy."""
    await wait_until_up(area, client, records)
    if not client.is_up:
        own = outages_of(area, records)
        reason = own[-1].getMessage() if own else f"no answer in {WAIT_SECONDS:g} s"
        is_refusal = bool(own) and own[-1].levelno >= logging.ERROR
        return [Finding(area, "connection", "failed", reason, "" if is_refusal else START)]
    found, seen = [Finding(area, "connection", "ok", "the handshake succeeds: address, user and rights")], set[str]()
    try:
        for shard in client.shards:
            facts = await facts_of(shard)
            if facts["run_id"] not in seen:
                seen.add(facts["run_id"])
                found += server_findings(area, facts)
                found.append(await clock_of(area, shard))
    except (RedisDownError, HiredisError) as error:
        found.append(Finding(area, "server", "failed", f"it does not tell its state: {error}"))
    return found


def outages_of(area: str, records: list[logging.LogRecord]) -> list[logging.LogRecord]:
    """Return the lines about this server. Those about the limiter's own one begin with its name."""
    lines = (record for record in records if record.name == outage_log.logger.name)
    return [line for line in lines if line.getMessage().startswith(LIMITER) == (area == LIMITER)]


async def wait_until_up(area: str, client: Redis, records: list[logging.LogRecord]) -> None:
    """Wait until the client is up, Redis refuses it, or WAIT_SECONDS are over."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not client.is_up and time.monotonic() < deadline:
        if any(record.levelno >= logging.ERROR for record in outages_of(area, records)):
            return
        await asyncio.sleep(POLL_SECONDS)


async def facts_of(shard: RedisClient) -> Facts:
    """Return the fields of INFO."""
    lines = (await shard.call("INFO")).decode().splitlines()
    return {name: value for name, found, value in (line.partition(":") for line in lines) if found}


def server_findings(area: str, facts: Facts) -> list[Finding]:
    name = "Valkey" if "valkey_version" in facts else "Redis"
    version = facts.get("valkey_version") or facts.get("redis_version", "of unknown version")
    memory, policy = int(facts.get("maxmemory", 0)), facts.get("maxmemory_policy", "")
    return [Finding(area, "version", "ok", f"{name} {version}"), memory_finding(area, memory, policy)]


def memory_finding(area: str, memory: int, policy: str) -> Finding:
    """Return the finding about `maxmemory`. Only a server of the limiter alone may evict nothing."""
    if memory == 0:
        return Finding(area, "memory", "warning", "maxmemory is 0: it may take all memory", f"Set maxmemory: {GUIDE}")
    detail = f"maxmemory {memory / 2**20:.0f} MiB, {policy}"
    if policy.startswith("allkeys-") or area == LIMITER:
        return Finding(area, "memory", "ok", detail)
    return Finding(area, "memory", "warning", detail, f"Set maxmemory-policy to allkeys-lru: {GUIDE}")


async def clock_of(area: str, shard: RedisClient) -> Finding:
    before = time.time()
    seconds, microseconds = (int(part) for part in await shard.call("TIME"))
    return clock_finding(area, seconds + microseconds / 1e6 - (before + time.time()) / 2)
