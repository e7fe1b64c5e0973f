"""Prometheus text format, rendered from the totals of all workers."""

from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as CONTENT_TYPE
from prometheus_client.registry import Collector

from infrastructure.observability.metrics_store import MetricTotals

__all__ = ["BOUNDS", "CONTENT_TYPE", "LOST_LINES", "format_exposition"]

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
COUNTERS = {
    "cache_hits_total": "Reads answered from the cache.",
    "cache_misses_total": "Reads that the cache could not answer.",
    "rate_limit_rejected_total": "Requests answered 429.",
    "rate_limit_unavailable_total": "Requests that a worker admitted by its own count, because Redis did not answer.",
    "login_failures_total": "Requests answered 401.",
    "access_refused_total": "Requests answered 403, without those of other origins.",
    "refusals_not_audited_total": "Requests answered 401 or 403 without an entry in the audit log.",
    "db_transaction_retries_total": "Transactions run again after a deadlock or a serialization failure.",
    "db_outages_total": "Outages of the database, counted by each worker that noticed.",
    "redis_outages_total": "Times that Redis was away, slow or full, or refused a worker, counted by each worker.",
    "db_failovers_total": "Failovers of the database, counted by each worker that noticed.",
    "file_descriptors_exhausted_total": "Times without a free file descriptor, counted by each worker.",
    "payments_captured_total": "Payments that are captured.",
    "payments_refunded_total": "Refunds that are made.",
    "payments_failed_total": "Payments that are declined.",
    "payment_operations_failed_total": "Captures, cancellations and refunds that a payment provider refuses.",
    "payment_provider_unavailable_total": "Questions that a payment provider has not answered.",
    "unpaid_orders_canceled_total": "Orders canceled after ORDER_HOLD_MINUTES.",
    "log_lines_lost_console_total": "Log lines that the console did not take.",
    "log_lines_lost_files_total": "Log lines that could not be written to the log files.",
}
LOW_STOCK, OVERDUE_PAYMENTS = "low_stock_products", "payments_pending_over_minute"
READINGS = {
    LOW_STOCK: "Products at or below LOW_STOCK_THRESHOLD.",
    OVERDUE_PAYMENTS: "Payments whose provider has left them open for over a minute, without those of customers.",
}
Readings = Mapping[str, tuple[float, int]]
# Begin of the names of gauges that the workers share for each pool of the database.
POOL_ACTIVE, POOL_CAPACITY = "db_pool_active:", "db_pool_capacity:"
THREADS = "threads"  # the pool of worker threads: its slots are no connections
LOST_LINES = {"console": "log_lines_lost_console_total", "files": "log_lines_lost_files_total"}
"""Counter of lost log lines by the name of the log target."""


def format_exposition(totals: MetricTotals | None, readings: Readings) -> bytes:
    """Render all series in the text format 0.0.4. Without `totals`, only the readings of the database have samples."""
    return generate_latest(_Families(totals or MetricTotals(readings=dict(readings)), is_known=totals is not None))


class _Families(Collector):
    """Metric families of the totals, in the form that prometheus_client renders."""

    def __init__(self, totals: MetricTotals, *, is_known: bool) -> None:
        self._totals = totals
        self._is_known = is_known

    def collect(self) -> Iterator[Metric]:
        yield from self._requests()
        for name, help_text in COUNTERS.items():
            yield CounterMetricFamily(name, help_text, self._figure(self._totals.counters[name]))
        active, utilization = self._pools()
        for name, help_text, value in (
            ("http_requests_in_progress", "Requests being answered.", self._totals.gauges["http_requests_in_progress"]),
            ("db_pool_connections_active", "Database connections in use.", active),
            (
                "db_pool_utilization_percent",
                "Use of the busiest database pool, in percent of its maximum.",
                utilization,
            ),
        ):
            yield GaugeMetricFamily(name, help_text, self._figure(value))
        for name, help_text in READINGS.items():
            if name in self._totals.readings:
                yield GaugeMetricFamily(name, help_text, self._totals.readings[name][1])

    def _pools(self) -> tuple[int, float]:
        """Return all connections in use, and the use of the busiest pool in percent: one exhausted pool is enough."""
        gauges = self._totals.gauges
        active = {name.removeprefix(POOL_ACTIVE): gauges[name] for name in gauges if name.startswith(POOL_ACTIVE)}
        shares = [100 * used / gauges[f"{POOL_CAPACITY}{pool}"] for pool, used in active.items() if used]
        return sum(used for pool, used in active.items() if pool != THREADS), max(shares, default=0)

    def _figure(self, value: float) -> float | None:
        """Return the value of a series without labels, or None for no sample."""
        return value if self._is_known else None

    def _requests(self) -> Iterator[Metric]:
        labels = ("method", "route", "status")
        requests = CounterMetricFamily("http_requests_total", "Requests answered.", labels=labels)
        errors = CounterMetricFamily("http_errors_total", "Requests answered 5xx.", labels=labels)
        durations = HistogramMetricFamily(
            "http_request_duration_seconds", "Time to the complete answer.", labels=labels[:2]
        )
        by_route: dict[tuple[str, str], list[float]] = {}  # durations are not split by status
        for (method, route, status), cell in self._totals.requests.items():
            count = sum(cell[:-1])
            requests.add_metric((method, route, str(status)), count)
            if status >= 500:
                errors.add_metric((method, route, str(status)), count)
            total = by_route.get((method, route))
            by_route[method, route] = [a + b for a, b in zip(total, cell, strict=True)] if total else cell
        for key, cell in by_route.items():
            bounds = (*map(str, BOUNDS), "+Inf")
            durations.add_metric(key, list(zip(bounds, accumulate(cell[:-1]), strict=True)), cell[-1])
        yield from (requests, durations, errors)
