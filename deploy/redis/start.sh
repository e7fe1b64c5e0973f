#!/bin/sh
# Starts Redis with the password from its secret: in a file, because a command line can be read by every process.
set -eu
password=$(cat /run/secrets/redis_password)
[ -n "$password" ] || { echo "the secret redis_password is empty" >&2; exit 1; }
umask 077
{ cat /etc/redis/redis.conf; echo "requirepass $password"; } >/tmp/redis.conf
exec redis-server /tmp/redis.conf
