"""Explanations of the errors with which Redis refuses a worker, each with its remedy, in one line."""

import ssl
from typing import NamedTuple

import hiredis

from infrastructure.redis.protocol import RedisDownError

GUIDE = "docs/REDIS_IMPLEMENTATION_GUIDE.md"
_CLUSTER = "it is a node of a cluster: REDIS_HOST or REDIS_URL must lead to a single server"
_PLAIN = "the server speaks no TLS: use redis:// in REDIS_URL"
_TLS = "if it demands TLS, use rediss:// in REDIS_URL"

# Begins of error replies, and explanations.
_REPLIES = {
    "WRONGPASS": "it does not accept the user or the password: correct REDIS_USERNAME and REDIS_PASSWORD, or REDIS_URL",
    "NOAUTH": "it demands a password: set REDIS_PASSWORD, and REDIS_USERNAME for a user with own rights",
    "ERR AUTH": "it has no password: remove REDIS_PASSWORD, or set one on the server",
    "NOPERM": f"the user lacks a right: add it to the rule of {GUIDE} (Users)",
    "ERR ACL failure": f"the user lacks a right: add it to the rule of {GUIDE} (Users)",
    "ERR The user executing the script": f"the user lacks a right: add it to the rule of {GUIDE} (Users)",
    "ERR DB index": "it has no such database: correct REDIS_DB, or the number in REDIS_URL",
    "ERR invalid DB index": "it has no such database: correct REDIS_DB, or the number in REDIS_URL",
    "ERR SELECT is not allowed": _CLUSTER,
    "MOVED": _CLUSTER,
    "CROSSSLOT": _CLUSTER,
    "CLUSTERDOWN": _CLUSTER,
    "ERR unknown command": "it lacks a command, as Sentinel and some proxies do: lead REDIS_HOST to Redis or Valkey",
    "DENIED": "its protected mode is on: set a password on the server and REDIS_PASSWORD",
}
FULL = "OOM"
_FULL = "its memory is full: raise `maxmemory`, or set `maxmemory-policy` to allkeys-lru"


class Refusal(NamedTuple):
    """`is_lasting` if only a repair ends it, which somebody has to know about."""

    explanation: str
    is_lasting: bool


def refusal_of(error: Exception, *, is_tls: bool, was_up: bool) -> Refusal | None:
    """Return the refusal that the error shows; None for an outage, which ends by itself.

    `was_up` tells that this address has worked: then a closed connection is an outage.
    """
    explanation = _explanation(error, is_tls=is_tls, was_up=was_up)
    if explanation is None:
        return None
    text = " ".join((str(error) or type(error).__name__).split())
    return Refusal(f"{explanation} ({text})", is_lasting=explanation != _FULL)


def keeps_connection(error: Exception) -> bool:
    """Return True if writers can still delete stamps over the connection whose handshake was refused."""
    return isinstance(error, hiredis.ReplyError) and str(error).startswith((FULL, "NOPERM"))


def _explanation(error: Exception, *, is_tls: bool, was_up: bool) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        if "match" in error.verify_message or "not valid for" in error.verify_message:
            return "its certificate names another host: use the name of the certificate in REDIS_URL"
        return "its certificate is not from a known CA, or has expired: set REDIS_CA_FILE to the file of its CA"
    if isinstance(error, ssl.SSLError):
        return _PLAIN
    if isinstance(error, hiredis.ProtocolError):
        return f"it does not speak the protocol of Redis; {_TLS}"
    if isinstance(error, hiredis.ReplyError):
        text = str(error)
        if FULL in text[:4] or f"-{FULL} " in text:
            return _FULL
        return next((remedy for begin, remedy in _REPLIES.items() if text.startswith(begin)), None)
    if isinstance(error, RedisDownError | ConnectionResetError) and not was_up and not is_tls:
        return f"it closes the connection without an answer; {_TLS}"
    return None
