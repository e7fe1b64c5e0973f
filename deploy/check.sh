#!/usr/bin/env bash
# Check every deployment file without a Docker engine or a cluster: `make check-deploy`.
# `make` installs the Python tools of deploy/requirements.txt into .data/check-deploy, and the script the others. If one
# of those is unavailable, its checks are skipped; in CI, a skipped check is a failure.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
tools=$PWD/.data/check-deploy
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
passed=0 failed=0 skipped=0

check() { # check NAME COMMAND...
  local name=$1
  shift
  if "$@" >"$scratch/output" 2>&1 </dev/null; then
    passed=$((passed + 1))
    echo "ok       $name"
  else
    failed=$((failed + 1))
    echo "FAILED   $name: $*"
    sed 's/^/         /' "$scratch/output"
  fi
}

skip() { # skip NAME WHY
  skipped=$((skipped + 1))
  echo "SKIPPED  $1: $2"
}

# --- Tools ------------------------------------------------------------------------------------------------------------

apt() { # apt install|download PACKAGE, updating the package list if the first try fails
  local get=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends)
  "${get[@]}" "$1" "$2" || { "${get[@]}" update && "${get[@]}" "$1" "$2"; }
}

unpacked() ( # unpacked PACKAGE PROGRAM: unpack instead of install, so that no service starts on this machine
  type "$2" || { cd "$tools" && apt download "$1" && dpkg -x "$1"_*.deb . && rm "$1"_*.deb && type "$2"; }
)

bring() { # bring COMMAND...: install a tool; a missing tool is reported by its checks below
  "$@" >"$scratch/bring" 2>&1 </dev/null || tail -3 "$scratch/bring"
}

mkdir -p "$tools"
PATH=$tools/venv/bin:$tools/usr/sbin:$tools/usr/bin:$PATH:/usr/sbin
bring unpacked nginx nginx
bring unpacked prometheus promtool
bring unpacked prometheus-alertmanager amtool
compose=(docker-compose)
docker compose version >/dev/null 2>&1 && compose=(docker compose)
[ "${compose[*]}" = "docker compose" ] || type docker-compose >/dev/null 2>&1 || bring apt install docker-compose

# --- Checks of more than one command ----------------------------------------------------------------------------------

true >"$scratch/no.env" # replaces a developer's .env
production() { "${compose[@]}" --env-file "$scratch/no.env" -f docker-compose.production.yaml "$@"; }

complete() { # with all services and all that is required
  SECRETS_DIR=$scratch/secrets AUTH_MODE=api_key COMPOSE_PROFILES=with-nginx,with-sentinel,monitoring,tracing production config
}

complete_with_its_secrets() { deploy/make_secrets.sh "$scratch/secrets" && complete; }

refused_without() ( # refused_without VARIABLE
  export SECRETS_DIR=$scratch/secrets AUTH_MODE=api_key
  unset "$1"
  production config >"$scratch/refusal" 2>&1 && echo "not refused" && return 1
  grep "$1" "$scratch/refusal"
)

names_all_missing() ( # without any variable, one line names all that are required
  unset SECRETS_DIR AUTH_MODE
  production config >"$scratch/refusal" 2>&1 && echo "not refused" && return 1
  grep 'AUTH_MODE and SECRETS_DIR are required' "$scratch/refusal"
)

redis_memory() { # REDIS_MAXMEMORY reaches the configuration of Redis
  SECRETS_DIR=$scratch/secrets AUTH_MODE=api_key REDIS_MAXMEMORY=512MB production config |
    grep -E 'REDIS_MAXMEMORY: "?512MB' && grep -F "maxmemory \${REDIS_MAXMEMORY" deploy/redis/start.sh
}

digest_for_every_image() { # each image is a variable that takes a digest
  local x
  x=x@sha256:$(printf '%064d' 0)
  API_IMAGE=$x POSTGRES_IMAGE=$x REDIS_IMAGE=$x NGINX_IMAGE=$x PROMETHEUS_IMAGE=$x GRAFANA_IMAGE=$x \
    ALERTMANAGER_IMAGE=$x POSTGRES_EXPORTER_IMAGE=$x REDIS_EXPORTER_IMAGE=$x OTEL_COLLECTOR_IMAGE=$x \
    complete >"$scratch/config" || return
  grep ' image: ' "$scratch/config" >"$scratch/images" && ! grep -v "$x" "$scratch/images"
}

networks_are_separate() { # of nginx and the monitoring, only the exporters have a way to the data
  complete >"$scratch/config" && python - "$scratch/config" <<'END'
import sys
import yaml
with open(sys.argv[1]) as file:
    config = yaml.safe_load(file)
networks = {name: set(service["networks"]) for name, service in config["services"].items()}
print(networks)
redis = "redis", "redis-2", "redis-3", "sentinel-1", "sentinel-2", "sentinel-3"
only_data = dict.fromkeys(("postgres", "migrate", *redis), {"data"})
expected = only_data | {"api": {"data", "edge", "monitoring"}, "nginx": {"edge"}}
expected |= dict.fromkeys(("prometheus", "alertmanager", "grafana", "otel-collector"), {"monitoring"})
assert networks == expected | dict.fromkeys(("postgres-exporter", "redis-exporter"), {"data", "monitoring"})
assert config["networks"]["data"]["internal"]
END
}

api_gets_every_setting() ( # but those that the image or the other services determine
  fixed=(API_HOST API_PORT DATA_DIR DATABASE_URL DB_STARTUP_OPTIONS LOG_DIR LOG_TO_FILE MIGRATION_DATABASE_URL
    POSTGRES_OWNER POSTGRES_OWNER_PASSWORD POSTGRES_PORT PROMETHEUS_MULTIPROC_DIR REDIS_CA_FILE REDIS_CLUSTER REDIS_DB REDIS_ENABLED
    REDIS_MAX_CONNECTIONS REDIS_PORT REDIS_PREFIX REDIS_URL REDIS_USERNAME RELOAD STRIPE_API_BASE
    TIMEOUT_GRACEFUL_SHUTDOWN)
  sed -nE '/^  api:/,/^  postgres:/s/^      ([A-Z_]+): .*/\1/p' docker-compose.production.yaml >"$scratch/passed"
  printf '%s\n' "${fixed[@]}" | cat - "$scratch/passed" | sed 's/_FILE$//' | sort >"$scratch/known"
  sed -nE 's/^([A-Z_]+)=.*/\1/p' .env.example | sed 's/_FILE$//' | sort >"$scratch/settings"
  comm -23 "$scratch/settings" "$scratch/known" | tee "$scratch/missing"
  [ -s "$scratch/settings" ] && [ ! -s "$scratch/missing" ]
)

complete_example() {
  "${compose[@]}" --env-file .env.production.example -f docker-compose.production.yaml config
}

manifests() {
  local given=(deploy/kubernetes/secret.example.yaml)
  if type kubectl; then
    kubectl kustomize deploy/kubernetes >"$scratch/manifests.yaml" || return
    given+=("$scratch/manifests.yaml")
  else
    given+=(deploy/kubernetes/[^k]*.yaml)
  fi
  kubernetes-validate --strict "${given[@]}"
}

policies_deny_by_default() {
  python - <<'END'
import yaml
with open("deploy/kubernetes/network-policy.yaml") as file:
    policies = {policy["metadata"]["name"]: policy["spec"] for policy in yaml.safe_load_all(file)}
assert policies.pop("default-deny") == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
for name, spec in policies.items():
    assert spec["podSelector"], f"{name} names no pods"
    for rule in (*spec.get("ingress", ()), *spec.get("egress", ())):
        assert rule.get("ports") and (rule.get("from") or rule.get("to")), f"{name} opens all ports or all addresses"
END
}

pods_are_scraped_as_the_alerts_expect() {
  sh deploy/kubernetes/monitoring.sh >"$scratch/monitoring.yaml" && python - "$scratch/monitoring.yaml" <<'END'
import re
import sys
import yaml
with open(sys.argv[1]) as file:
    monitor, rules = yaml.safe_load_all(file)
with open("deploy/kubernetes/deployment.yaml") as file:
    pod = yaml.safe_load(file)["spec"]["template"]
with open("deploy/prometheus/kubernetes.yml") as file:
    [scrape] = yaml.safe_load(file)["scrape_configs"]
labels, ports = pod["metadata"]["labels"], [port["name"] for port in pod["spec"]["containers"][0]["ports"]]
jobs = set(re.findall(r'job="([^"]+)"', str(rules["spec"]["groups"])))
assert jobs == {labels[monitor["spec"]["jobLabel"]]} == {scrape["job_name"]}, jobs
assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
assert [endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]] == ports
name, component = labels["app.kubernetes.io/name"], labels["app.kubernetes.io/component"]
assert scrape["relabel_configs"][0]["regex"] == ";".join((name, component, *ports))
assert not [name for name in pod["metadata"].get("annotations", ()) if name.startswith("prometheus.io")], "scraped twice"
END
}

alertmanager_configuration() ( # as start.sh writes it, with a receiver and without
  # shellcheck disable=SC2016 # the argument of the program that is written
  mkdir "$scratch/bin" && printf '#!/bin/sh\namtool check-config "${1#*=}"\n' >"$scratch/bin/alertmanager"
  chmod +x "$scratch/bin/alertmanager"
  export PATH=$scratch/bin:$PATH TMPDIR=$scratch
  sh deploy/alertmanager/start.sh && ALERT_WEBHOOK_URL="https://example.com/a?b=c" sh deploy/alertmanager/start.sh &&
    ! ALERT_WEBHOOK_URL=example.com sh deploy/alertmanager/start.sh &&
    ! ALERT_WEBHOOK_URL="http://example.com/'" sh deploy/alertmanager/start.sh
)

ingress_has_every_resource() { # except the audit log, which is read from the internal network
  sed -nE 's/^ +prefix = "(\/[a-z_]+)"$/\1/p' controllers/*.py | grep -vx /audit | sort >"$scratch/resources"
  sed -nE 's/.*path: (\/[a-z_.]+), pathType: Prefix.*/\1/p' deploy/kubernetes/ingress.yaml | sort >"$scratch/public"
  comm -23 "$scratch/resources" "$scratch/public" >"$scratch/missing"
  grep -xE "/(audit|metrics)" "$scratch/public" >>"$scratch/missing"
  cat "$scratch/missing"
  [ -s "$scratch/resources" ] && [ ! -s "$scratch/missing" ]
}

image_has_every_module() ( # the files that .dockerignore admits to an image can be imported without the others
  mkdir "$scratch/image" &&
    sed -n 's/^!//p' .dockerignore | xargs -I{} cp -r --parents {} "$scratch/image" &&
    python=$PWD/.venv/bin/python && cd "$scratch/image" &&
    POSTGRES_HOST=localhost REDIS_HOST=localhost LOG_TO_FILE=false \
      "$python" -B -c "import main, run_production, migrations.roles, migrations.runner, scripts.shop, scripts.api_key, scripts.audit, scripts.events, scripts.doctor.main"
)

queries_have_series() {
  .venv/bin/python -c "
import sys
from infrastructure.observability.metrics_store import MetricTotals
from infrastructure.observability.metrics_export import BOUNDS, READINGS, format_exposition
totals = MetricTotals({('GET', '/', 500): [1.0] * (len(BOUNDS) + 2)}, readings=dict.fromkeys(READINGS, (0.0, 1)))
sys.stdout.buffer.write(format_exposition(totals))" >"$scratch/metrics" &&
    python deploy/check_metrics.py deploy/prometheus/{alerts,servers}.yml deploy/grafana/dashboards/*.json \
      <"$scratch/metrics"
}

# --- All checks -------------------------------------------------------------------------------------------------------

check "YAML" yamllint --strict --config-file deploy/yamllint.yaml \
  deploy .github docker-compose*.yaml .pre-commit-config.yaml
check "shell scripts" shellcheck deploy/*.sh deploy/{alertmanager,kubernetes,redis}/*.sh scripts/*.sh
check "Dockerfiles" hadolint Dockerfile Dockerfile.production
check "compose files: schema" check-jsonschema --builtin-schema vendor.compose-spec docker-compose*.yaml
check "docker-compose.production.yaml: hardening" compose-lint check --no-env --strict-config --config deploy/compose-lint.yaml \
  --fail-on low docker-compose.production.yaml
if type "${compose[0]}" >/dev/null 2>&1; then
  check "docker-compose.yaml" "${compose[@]}" --env-file "$scratch/no.env" -f docker-compose.yaml config
  check "docker-compose.production.yaml with secrets" complete_with_its_secrets
  check "docker-compose.production.yaml without secrets is refused" refused_without SECRETS_DIR
  check "docker-compose.production.yaml without AUTH_MODE is refused" refused_without AUTH_MODE
  check "docker-compose.production.yaml names all missing variables" names_all_missing
  check "docker-compose.production.yaml: memory of Redis" redis_memory
  check "docker-compose.production.yaml: images by digest" digest_for_every_image
  check "docker-compose.production.yaml: separate networks" networks_are_separate
  check ".env.production.example" complete_example
else
  skip "docker-compose config" "run apt-get install docker-compose as root"
fi
check "docker-compose.production.yaml passes every setting" api_gets_every_setting
check "Kubernetes manifests" manifests
check "Kubernetes: the job of the metrics is that of the alerts" pods_are_scraped_as_the_alerts_expect
check "ingress has every resource" ingress_has_every_resource
check "network policies deny by default" policies_deny_by_default
check "lock files fit the requirements" python scripts/lock.py --check
check "images have every module" image_has_every_module
if type nginx >/dev/null 2>&1; then
  check "nginx at work" python deploy/nginx/edge_test.py "$(type -p nginx)"
else
  skip "nginx at work" "no nginx, and apt-get could not bring it"
fi
check "nginx: security" gixy deploy/nginx/nginx.conf
if type promtool >/dev/null 2>&1; then
  check "Prometheus: configuration" promtool check config deploy/prometheus/prometheus.yml
  check "Prometheus: alert rules fire when they should" promtool test rules deploy/prometheus/*_test.yml
else
  skip "Prometheus" "no promtool, and apt-get could not bring it"
fi
if type amtool >/dev/null 2>&1; then
  check "Alertmanager: configuration" alertmanager_configuration
else
  skip "Alertmanager" "no amtool, and apt-get could not bring it"
fi
check "dashboards and alerts ask for series that exist" queries_have_series
check "workflows: schema" check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
check "workflows: security" zizmor --offline --quiet --persona=pedantic .github/workflows
check "pre-commit" pre-commit validate-config .pre-commit-config.yaml

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && { [ "$skipped" = 0 ] || [ "${CI:-}" != true ]; }
