#!/bin/sh
# Start Redis with the password from its secret. The password goes into a file, because every process can read a
# command line. With Sentinels, REPLICA_OF names the first master, and ANNOUNCED_NAME is the host name of this server.
set -eu
password=$(cat /run/secrets/redis_password)
[ -n "$password" ] || { echo "the secret redis_password is empty" >&2; exit 1; }
umask 077
{
  cat /etc/redis/redis.conf
  echo "maxmemory ${REDIS_MAXMEMORY:-256mb}"
  echo "requirepass $password"
  echo "masterauth $password"
  [ -z "${ANNOUNCED_NAME:-}" ] || echo "replica-announce-ip $ANNOUNCED_NAME"
  [ -z "${REPLICA_OF:-}" ] || echo "replicaof $REPLICA_OF 6379"
} >/tmp/redis.conf
exec redis-server /tmp/redis.conf
