"""Events that a worker counts, each with a method of its own."""

from infrastructure.observability.metrics_export import READS
from infrastructure.observability.metrics_store import MetricTotals


class Counters:
    """Counters of this worker. `metrics` is the instance of its subclass."""

    def __init__(self) -> None:
        self._totals = MetricTotals()

    def cache_hit(self) -> None:
        """Count a read that the cache has answered."""
        self._totals.counters["cache_hits_total"] += 1

    def cache_miss(self) -> None:
        """Count a read that the cache could not answer."""
        self._totals.counters["cache_misses_total"] += 1

    def rate_limit_rejected(self) -> None:
        """Count a request answered with 429."""
        self._totals.counters["rate_limit_rejected_total"] += 1

    def rate_limit_unavailable(self) -> None:
        """Count a request that this worker admitted by its own count, because Redis did not answer."""
        self._totals.counters["rate_limit_unavailable_total"] += 1

    def refused(self, status: int) -> None:
        """Count a request answered with 401 or 403."""
        self._totals.counters["login_failures_total" if status == 401 else "access_refused_total"] += 1

    def refusals_not_audited(self, times: int) -> None:
        """Count refusals that have no entry in the audit log."""
        self._totals.counters["refusals_not_audited_total"] += times

    def transaction_retried(self) -> None:
        """Count a transaction that runs again after a deadlock or a serialization failure."""
        self._totals.counters["db_transaction_retries_total"] += 1

    def database_outage(self) -> None:
        """Count the begin of an outage of the database."""
        self._totals.counters["db_outages_total"] += 1

    def redis_outage(self) -> None:
        """Count the begin of an outage of Redis: it is away, slow, full, or refuses this worker."""
        self._totals.counters["redis_outages_total"] += 1

    def redis_failover(self) -> None:
        """Count a change of the server of this worker: Sentinel or a cluster has made another one the master."""
        self._totals.counters["redis_failovers_total"] += 1

    def database_failover(self) -> None:
        """Count a change of the database server or of its history."""
        self._totals.counters["db_failovers_total"] += 1

    def read_from(self, server: str) -> None:
        """Count a statement that a replica could have answered, by the server that has: `primary` or a replica."""
        self._totals.counters[f"{READS}{server}"] += 1

    def descriptors_exhausted(self) -> None:
        """Count a time without a free file descriptor."""
        self._totals.counters["file_descriptors_exhausted_total"] += 1

    def payment_captured(self) -> None:
        """Count a payment that its provider has captured."""
        self._totals.counters["payments_captured_total"] += 1

    def payment_refunded(self) -> None:
        """Count a refund that the provider has made."""
        self._totals.counters["payments_refunded_total"] += 1

    def payment_failed(self) -> None:
        """Count a payment that is declined."""
        self._totals.counters["payments_failed_total"] += 1

    def payment_operation_failed(self) -> None:
        """Count a capture, cancellation or refund that the provider refuses."""
        self._totals.counters["payment_operations_failed_total"] += 1

    def provider_unavailable(self) -> None:
        """Count a question that a payment provider has not answered."""
        self._totals.counters["payment_provider_unavailable_total"] += 1

    def unpaid_order_canceled(self) -> None:
        """Count an order that was canceled because nobody has paid it in time."""
        self._totals.counters["unpaid_orders_canceled_total"] += 1

    def webhook_sent(self) -> None:
        """Count a delivery that its receiver has accepted."""
        self._totals.counters["webhook_deliveries_sent_total"] += 1

    def webhook_attempt_failed(self) -> None:
        """Count an attempt that its receiver has not accepted."""
        self._totals.counters["webhook_attempts_failed_total"] += 1

    def webhook_failed(self) -> None:
        """Count a delivery that is given up."""
        self._totals.counters["webhook_deliveries_failed_total"] += 1
