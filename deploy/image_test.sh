#!/usr/bin/env bash
# Build the production image without a Docker engine, and run it against real servers: `make image-test`, as root on
# Debian. The base image is a substitute with Debian's own Python 3.11, so that no registry is needed. To build on the
# real base: PYTHON_IMAGE=docker.io/library/python:3.11-slim make image-test
set -euo pipefail
cd "$(dirname "$0")/.."
image=localhost/ecommerce-api:test
base=${PYTHON_IMAGE:-localhost/python-stand-in}
scratch=$(mktemp -d)
container=

finish() {
  [ -z "$container" ] || buildah rm "$container" >/dev/null
  rm -rf "$scratch"
}
trap finish EXIT

make_stand_in() {
  local name
  mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,python3-pip,python-is-python3,ca-certificates \
    bookworm "$scratch/base.tar"
  name=$(buildah from scratch)
  buildah add --quiet "$name" "$scratch/base.tar" / >/dev/null
  # Copy this machine's access to its package index.
  buildah copy --quiet "$name" /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt >/dev/null
  [ ! -f /etc/pip.conf ] || buildah copy --quiet "$name" /etc/pip.conf /etc/pip.conf >/dev/null
  buildah commit --quiet --rm "$name" "$base" >/dev/null
}

is() { # is WHAT COMMAND...
  local what=$1
  shift
  "$@" || { echo "FAILED: $what" >&2 && exit 1; }
  echo "ok: $what"
}

inside() { buildah run --isolation chroot "$container" -- "$@"; }
lacks() { ! inside sh -c "command -v $1"; }

type buildah mmdebstrap >/dev/null 2>&1 ||
  { apt-get update -qq && apt-get install -qq -y --no-install-recommends buildah mmdebstrap; } >/dev/null
if [ -z "${PYTHON_IMAGE:-}" ] && ! buildah inspect "$base" >/dev/null 2>&1; then make_stand_in; fi

# Docker format, because the OCI format has no health check.
buildah bud --quiet --isolation chroot --pull=missing --format docker --build-arg "PYTHON_IMAGE=$base" \
  --tag "$image" --file Dockerfile.production . >/dev/null
container=$(buildah from --pull-never "$image")

is "the user is 10001" test "$(inside id -u)" = 10001
is "the sources belong to someone else" inside sh -c '! touch /app/x 2>/dev/null && ! touch /venv/x 2>/dev/null'
for tool in gcc cc make curl wget git; do is "there is no $tool" lacks "$tool"; done
is "the service cannot install packages" inside sh -c '! python -m pip --version 2>/dev/null'
is "neither tests nor local files are inside" \
  inside sh -c '[ ! -e tests ] && [ ! -e .git ] && [ ! -e .venv ] && [ ! -e .env ] && [ ! -e secrets ]'
is "there is a health check" grep -q deploy/healthcheck.py <(buildah inspect --format '{{.Docker.Config.Healthcheck}}' "$image")
PYTHONPATH=. .venv/bin/python deploy/image_run.py "$container"
