#!/bin/sh
# Print the objects for a Prometheus Operator: deploy/kubernetes/monitoring.sh | kubectl apply -f -
# The label `release` is the one that the chart kube-prometheus-stack selects, if its release has that name.
set -eu
cd "$(dirname "$0")/../prometheus"
release=${1:-kube-prometheus-stack}
cat <<END
apiVersion: monitoring.coreos.com/v1
kind: PodMonitor
metadata:
  name: ecommerce-api
  namespace: ecommerce
  labels: {release: $release}
spec:
  # The value of this label becomes the label \`job\` of all metrics, as the alerts expect. By default that is the name of
  # this object with its namespace.
  jobLabel: app.kubernetes.io/name
  selector:
    matchLabels:
      app.kubernetes.io/name: ecommerce-api
      app.kubernetes.io/component: api
  podMetricsEndpoints:
    - {port: http, path: /metrics, interval: 15s}
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: ecommerce-api
  namespace: ecommerce
  labels: {release: $release}
spec:
END
sed '/./s/^/  /' alerts.yml
