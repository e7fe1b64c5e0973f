#!/bin/sh
# Generate ecommerce_client/generated from the service's API description: `generate.sh PYTHON`, whose environment has the
# service's packages. `openapi-python-client` and `ruff` are on PATH; `make clients-python` sees to that.
set -eu
python=$1
cd "$(dirname "$0")/../.."
folder=clients/python/ecommerce_client/generated
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
document=$work/openapi.json
"$python" -m scripts.documents.client_document >"$document"
openapi-python-client generate --path "$document" --meta none --overwrite --fail-on-warning \
  --config clients/python/generator.yaml --output-path $folder
# httpx2 continues httpx, which is no longer maintained, under another name.
find $folder -name '*.py' -exec sed -i 's/^import httpx$/import httpx2 as httpx/' {} +
rm -rf $folder/.ruff_cache
sha256sum <"$document" | cut -d' ' -f1 >clients/python/openapi.sha256
