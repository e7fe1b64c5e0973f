#!/bin/sh
# Start Alertmanager. ALERT_WEBHOOK_URL is the address that gets alerts, as JSON; without it they appear only on the pages
# of Alertmanager and Prometheus. It may contain a token, so it goes into a file: every process can read a command line.
set -eu
url=${ALERT_WEBHOOK_URL:-}
case $url in
  *[!A-Za-z0-9:/?@%=+,~._\&-]*) echo "ALERT_WEBHOOK_URL contains a character that no URL has" >&2; exit 1 ;;
  '' | http://?* | https://?*) ;;
  *) echo "ALERT_WEBHOOK_URL is no http or https address" >&2; exit 1 ;;
esac
config=${TMPDIR:-/tmp}/alertmanager.yml
umask 077
cat >"$config" <<END
route:
  receiver: webhook
  group_by: [alertname]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 4h
  routes:
    # For office hours: the dashboard and Prometheus show them.
    - {receiver: none, matchers: ['severity="info"']}
receivers:
  - name: none
  - name: webhook
END
[ -z "$url" ] || echo "    webhook_configs: [{url: '$url', send_resolved: true}]" >>"$config"
exec alertmanager --config.file="$config" "$@"
