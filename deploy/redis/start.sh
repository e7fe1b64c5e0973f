#!/bin/sh
# Start Redis with the password from its secret. The password goes into a file, because every process can read a
# command line.
set -eu
password=$(cat /run/secrets/redis_password)
[ -n "$password" ] || { echo "the secret redis_password is empty" >&2; exit 1; }
umask 077
{ cat /etc/redis/redis.conf; echo "maxmemory ${REDIS_MAXMEMORY:-256mb}"; echo "requirepass $password"; } >/tmp/redis.conf
exec redis-server /tmp/redis.conf
