#!/usr/bin/env bash
# Write sbom.cdx.json: the packages of the service with licences and dependencies, as in the production image. The tool
# validates the file against the schema of CycloneDX. Usage: `make sbom`.
set -euo pipefail
cd "$(dirname "$0")/.."
environment=.data/sbom
uv venv --quiet --clear --python "$1" "$environment"
uv pip install --quiet --python "$environment/bin/python" --require-hashes --only-binary :all: -r locks/service.lock
# pyproject.toml lists no dependencies, because requirements.txt does. The tool warns about that.
PYTHONWARNINGS=ignore cyclonedx-py environment "$environment/bin/python" --pyproject pyproject.toml --mc-type application \
  --output-reproducible --spec-version 1.6 --output-format JSON --output-file sbom.cdx.json --validate
"$environment/bin/python" -c 'import json; print(len(json.load(open("sbom.cdx.json"))["components"]), "packages in sbom.cdx.json")'
