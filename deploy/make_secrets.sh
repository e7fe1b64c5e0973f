#!/usr/bin/env bash
# Create the folder of secrets for docker-compose.production.yaml: deploy/make_secrets.sh [FOLDER]
# Existing files stay. The certificate is self-signed, for a first look: replace it with your own.
set -euo pipefail
folder=${1:-secrets}

# The folder's mode keeps other users of the host out. The files are readable for all, because a container sees them
# with the host's owner and mode, and each container runs as a different unprivileged user.
# `stripe` is for the files that STRIPE_API_KEY_FILE and STRIPE_WEBHOOK_SECRET_FILE name.
mkdir -p "$folder/tls" "$folder/stripe"
chmod 700 "$folder"
chmod 755 "$folder/stripe"
for name in postgres_password postgres_owner_password postgres_app_password postgres_monitor_password redis_password \
  grafana_password jwt_secret; do
  [ -s "$folder/$name" ] || (umask 077 && openssl rand -hex 24 >"$folder/$name")
  chmod 444 "$folder/$name"
done
if [ ! -s "$folder/tls/privkey.pem" ]; then
  openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=localhost" -addext "subjectAltName=DNS:localhost" \
    -keyout "$folder/tls/privkey.pem" -out "$folder/tls/fullchain.pem" 2>/dev/null
  chmod 444 "$folder/tls/privkey.pem"
fi
echo "secrets are in $folder; start with SECRETS_DIR=$folder"
