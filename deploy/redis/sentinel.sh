#!/bin/sh
# Start a Sentinel. Its configuration stays in a volume, because Sentinel writes each failover into it: one that forgets
# a failover names the former master, and the service could trust it.
set -eu
config=/data/sentinel.conf
if [ ! -s "$config" ]; then
  password=$(cat /run/secrets/redis_password)
  [ -n "$password" ] || { echo "the secret redis_password is empty" >&2; exit 1; }
  umask 077
  cat >"$config.new" <<END
port 26379
dir /tmp
requirepass $password
sentinel sentinel-pass $password
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel announce-ip $ANNOUNCED_NAME
sentinel monitor shop redis 6379 2
sentinel auth-pass shop $password
sentinel down-after-milliseconds shop 5000
sentinel failover-timeout shop 30000
END
  mv "$config.new" "$config"
fi
exec redis-server "$config" --sentinel
