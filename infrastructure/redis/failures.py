"""Explanations of failures of Redis, with the remedy of those that only a repair ends, in one line each."""

import ssl
from typing import NamedTuple

import hiredis

from infrastructure.redis.protocol import RedisDownError

GUIDE = "docs/REDIS_IMPLEMENTATION_GUIDE.md"
_CLUSTER = "it is a node of a cluster: set REDIS_CLUSTER=true"
_PLAIN = "if it speaks no TLS, use redis:// in REDIS_URL"
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
REDIRECTIONS = ("MOVED ", "ASK ", "TRYAGAIN ", "CLUSTERDOWN ")
FULL = "OOM"
_FULL = "its memory is full: raise `maxmemory`, or set `maxmemory-policy` to allkeys-lru"


class Failure(NamedTuple):
    """Explanation of an error. `is_refusal` means that only a repair ends it, so somebody has to know."""

    explanation: str
    is_refusal: bool


def explain(error: Exception, *, is_tls: bool, was_up: bool, is_elected: bool = False) -> Failure:
    """Return the explanation on one line. After `was_up`, a closed connection is no sign of a wrong setting.

    `is_elected` tells that the server is the master of a group or cluster, which redirects while it changes.
    """
    text = " ".join((str(error) or type(error).__name__).split())
    if isinstance(error, hiredis.ReplyError):
        if FULL in text[:4] or f"-{FULL} " in text:
            return Failure(f"{_FULL} ({text})", is_refusal=False)
        if is_elected and text.startswith(REDIRECTIONS):
            return Failure(f"the cluster changes ({text})", is_refusal=False)
        remedy = next((remedy for begin, remedy in _REPLIES.items() if text.startswith(begin)), None)
    else:
        remedy = _remedy_of_connection(error, is_tls=is_tls, was_up=was_up)
    if isinstance(error, TimeoutError):
        return Failure("it does not answer" + f"; {_PLAIN}" * (is_tls and not was_up), is_refusal=False)
    return Failure(f"{remedy} ({text})" if remedy else text, is_refusal=remedy is not None)


def keeps_connection(error: Exception) -> bool:
    """Return True if writers can still delete stamps over the connection whose handshake was refused."""
    return isinstance(error, hiredis.ReplyError) and (str(error).startswith((FULL, "NOPERM")) or is_moving(error))


def is_moving(reply: object) -> bool:
    """Return True if a node of a cluster says that a key has left it, while it still owns the slot."""
    return isinstance(reply, hiredis.ReplyError) and str(reply).startswith(("ASK ", "TRYAGAIN "))


def _remedy_of_connection(error: Exception, *, is_tls: bool, was_up: bool) -> str | None:
    if isinstance(error, ssl.SSLCertVerificationError):
        if "match" in error.verify_message:
            return "its certificate names another host: use the name of the certificate in REDIS_URL"
        return "its certificate is not from a known CA, or has expired: set REDIS_CA_FILE to the file of its CA"
    if isinstance(error, ssl.SSLError):
        return _PLAIN
    if isinstance(error, hiredis.ProtocolError):
        return f"it does not speak the protocol of Redis; {_TLS}"
    if isinstance(error, RedisDownError | ConnectionResetError) and not was_up and not is_tls:
        return f"it closes the connection without an answer; {_TLS}"
    return None
