"""Metrics: sums over several workers, also after workers stop or are killed."""

import fcntl
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from config.settings import Settings
from infrastructure.observability.metrics import Metrics, prepare_metrics
from tests.servers import ROOT, until

PROGRAM = """
import sys
from infrastructure.observability.metrics import metrics
from config.settings import Settings
eval(sys.argv[1])
metrics.start(Settings())
for line in sys.stdin:
    print(repr(eval(line)), flush=True)
metrics.stop()
"""


LIMIT = "__import__('resource').setrlimit(__import__('resource').RLIMIT_FSIZE, ({}, -1))"


class Worker:
    """Process that evaluates expressions. It has started when its first answer arrives."""

    def __init__(self, directory: Path, before: str = "None") -> None:
        """`before` is evaluated before the worker starts."""
        environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(directory)}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, before],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, expression: str) -> str:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(expression + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def samples(self) -> dict[str, float]:
        return samples(eval(self("metrics.render()")))

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()

    def stop(self) -> None:
        self.process.communicate(timeout=30)


StartWorker = Callable[[], Worker]


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[StartWorker]:
    with ExitStack() as running:

        def start() -> Worker:
            worker = Worker(tmp_path)
            running.callback(worker.stop)
            return worker

        yield start


def samples(text: bytes) -> dict[str, float]:
    """Parse an exposition. A key holds the name, the values of the labels, and last the bound of a bucket."""
    return {
        " ".join(
            (sample.name, *(sample.labels[label] for label in sorted(sample.labels, key="le".__eq__)))
        ): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def test_requests() -> None:
    metrics = Metrics()
    for status, seconds in ((200, 0.004), (200, 0.005), (500, 3.0)):
        metrics.observe_request(("GET", "/products/{id_key}", status, seconds))
    metrics.observe_request(("BREW", "unmatched", 404, 60.0))
    found = samples(metrics.render())
    route = "GET /products/{id_key}"
    assert found[f"http_requests_total {route} 200"] == 2
    assert found[f"http_requests_total {route} 500"] == 1
    assert found["http_requests_total OTHER unmatched 404"] == 1
    assert {name for name in found if name.startswith("http_errors")} == {f"http_errors_total {route} 500"}
    buckets = {bound: found[f"http_request_duration_seconds_bucket {route} {bound}"] for bound in ("0.0025", "0.005")}
    assert buckets == {"0.0025": 0, "0.005": 2}
    assert found[f"http_request_duration_seconds_bucket {route} +Inf"] == 3
    assert found[f"http_request_duration_seconds_count {route}"] == 3
    assert found[f"http_request_duration_seconds_sum {route}"] == pytest.approx(3.009)
    assert found["http_request_duration_seconds_bucket OTHER unmatched 10.0"] == 0


def test_every_series_is_there_from_the_start() -> None:
    text = Metrics().render().decode()
    for name in (
        "http_requests_total",
        "http_request_duration_seconds",
        "http_errors_total",
        "http_requests_in_progress",
        "db_pool_connections_active",
        "db_pool_utilization_percent",
        "db_transaction_retries_total",
        "cache_hits_total",
        "cache_misses_total",
        "rate_limit_rejected_total",
        "rate_limit_unavailable_total",
        "db_outages_total",
        "redis_outages_total",
        "file_descriptors_exhausted_total",
        "log_lines_lost_console_total",
        "log_lines_lost_files_total",
    ):
        assert f"# TYPE {name} " in text
    assert "low_stock_products" not in text, "unknown is not 0"


def test_counters_and_gauges_of_one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = Metrics()
    metrics.cache_hit()
    metrics.cache_miss()
    metrics.rate_limit_rejected()
    metrics.rate_limit_unavailable()
    for status in (401, 403, 403):
        metrics.refused(status)
    metrics.refusals_not_audited(3)
    metrics.transaction_retried()
    metrics.database_outage()
    metrics.redis_outage()
    metrics.database_failover()
    metrics.descriptors_exhausted()
    metrics.payment_captured()
    metrics.payment_refunded()
    metrics.payment_failed()
    metrics.payment_operation_failed()
    metrics.provider_unavailable()
    metrics.unpaid_order_canceled()
    metrics.set_low_stock(4)
    metrics.set_overdue_payments(2)
    metrics.watch_pools(lambda: {"reads": (1, 9), "writes": (2, 8), "threads": (3, 4)})
    metrics.in_progress += 1
    monkeypatch.setattr("infrastructure.observability.metrics.lost_lines", {"console": 2, "files": 3})
    assert samples(metrics.render()) == {
        "cache_hits_total": 1,
        "cache_misses_total": 1,
        "rate_limit_rejected_total": 1,
        "rate_limit_unavailable_total": 1,
        "login_failures_total": 1,
        "access_refused_total": 2,
        "refusals_not_audited_total": 3,
        "db_transaction_retries_total": 1,
        "db_outages_total": 1,
        "redis_outages_total": 1,
        "db_failovers_total": 1,
        "file_descriptors_exhausted_total": 1,
        "payments_captured_total": 1,
        "payments_refunded_total": 1,
        "payments_failed_total": 1,
        "payment_operations_failed_total": 1,
        "payment_provider_unavailable_total": 1,
        "unpaid_orders_canceled_total": 1,
        "log_lines_lost_console_total": 2,
        "log_lines_lost_files_total": 3,
        "low_stock_products": 4,
        "payments_pending_over_minute": 2,
        "db_pool_connections_active": 3,
        "db_pool_utilization_percent": 75,
        "http_requests_in_progress": 1,
    }


def test_sum_over_workers(start_worker: StartWorker) -> None:
    first, second = start_worker(), start_worker()
    for worker, hits, active in ((first, 2, 1), (second, 3, 5)):
        worker(f"[metrics.cache_hit() for _ in range({hits})]")
        worker(f"metrics.watch_pools(lambda: {{'reads': ({active}, 10)}})")
        worker("metrics.observe_request(('GET', '/products', 200, 0.1))")
        worker("metrics.flush()")
    found = first.samples()
    assert found == second.samples()
    assert found["cache_hits_total"] == 5
    assert found["http_requests_total GET /products 200"] == 2
    assert found["http_request_duration_seconds_sum GET /products"] == pytest.approx(0.2)
    assert found["db_pool_connections_active"] == 6
    assert found["db_pool_utilization_percent"] == 30
    assert first("metrics.cache_totals()") == "(5, 0)\n"


def test_low_stock_is_the_latest_reading(start_worker: StartWorker) -> None:
    first, second = start_worker(), start_worker()
    for worker, products in ((first, 9), (second, 2)):
        worker(f"metrics.set_low_stock({products})")
        worker("metrics.flush()")
    assert first.samples()["low_stock_products"] == 2
    second.kill()
    assert first.samples()["low_stock_products"] == 2


def test_killed_worker(start_worker: StartWorker, tmp_path: Path) -> None:
    """Expect its counters to stay, its gauges to vanish, and its successor to continue its file."""
    witness, victim = start_worker(), start_worker()
    victim("[metrics.cache_hit() for _ in range(7)]")
    victim("metrics.watch_pools(lambda: {'reads': (5, 10)})")
    until(lambda: witness.samples()["db_pool_connections_active"] == 5)
    files = sorted(path.name for path in tmp_path.iterdir())

    victim.kill()
    found = witness.samples()
    assert (found["cache_hits_total"], found["db_pool_connections_active"]) == (7, 0)

    successor = start_worker()
    successor("None")
    found = witness.samples()
    assert (found["cache_hits_total"], found["db_pool_connections_active"]) == (7, 0)
    successor("metrics.cache_hit()")
    successor("metrics.watch_pools(lambda: {'reads': (2, 10)})")
    successor("metrics.flush()")
    found = witness.samples()
    assert (found["cache_hits_total"], found["db_pool_connections_active"]) == (8, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == files


def test_stopped_worker_leaves_its_last_counts(start_worker: StartWorker) -> None:
    witness, leaver = start_worker(), start_worker()
    leaver("metrics.cache_hit()")
    leaver.stop()
    assert witness.samples()["cache_hits_total"] == 1


def test_start_after_stop_counts_nothing_twice(tmp_path: Path) -> None:
    metrics, settings = Metrics(), Settings(prometheus_multiproc_dir=tmp_path)
    for _ in range(3):
        metrics.start(settings)
        metrics.cache_hit()
        metrics.stop()
    metrics.start(settings)
    assert metrics.cache_totals() == (3, 0)
    metrics.stop()


def test_full_disk_delays_the_counts(start_worker: StartWorker) -> None:
    """Simulate a full disk with a limit on the size of files."""
    witness, limited = start_worker(), start_worker()
    limited(LIMIT.format(0))
    limited("metrics.cache_hit()")
    limited("metrics.flush()")
    assert witness.samples()["cache_hits_total"] == 0
    limited(LIMIT.format(-1))
    limited("metrics.flush()")
    assert witness.samples()["cache_hits_total"] == 1


def test_worker_that_starts_on_a_full_disk_joins_later(tmp_path: Path) -> None:
    """Expect all workers to show the same sum at any time: without the counts that cannot be written yet."""
    with ExitStack() as running:
        witness = Worker(tmp_path)
        running.callback(witness.stop)
        witness("metrics.cache_hit()")
        witness("metrics.flush()")
        late = Worker(tmp_path, before=LIMIT.format(0))
        running.callback(late.stop)
        late("metrics.cache_hit()")
        for worker in (witness, late):
            assert worker("metrics.cache_totals()") == "(1, 0)\n"
            assert worker.samples()["cache_hits_total"] == 1
        late(LIMIT.format(-1))
        late("metrics.flush()")
        for worker in (witness, late):
            assert worker.samples()["cache_hits_total"] == 2


def test_successor_on_a_full_disk_leaves_the_file_as_it_was(start_worker: StartWorker, tmp_path: Path) -> None:
    witness, victim = start_worker(), start_worker()
    victim("metrics.cache_hit()")
    victim("metrics.watch_pools(lambda: {'reads': (5, 10)})")
    victim("metrics.flush()")
    victim.kill()
    successor = Worker(tmp_path, before=LIMIT.format(0))
    successor("None")
    found = witness.samples()
    assert (found["cache_hits_total"], found["db_pool_connections_active"]) == (1, 0)
    successor(LIMIT.format(-1))
    successor("metrics.cache_hit()")
    successor.stop()
    assert witness.samples()["cache_hits_total"] == 2
    assert len(list(tmp_path.glob("worker_*.json"))) == 2


def test_removed_folder_is_made_again(start_worker: StartWorker, tmp_path: Path) -> None:
    workers = [start_worker(), start_worker()]
    for worker in workers:
        worker("metrics.cache_hit()")
        worker("metrics.flush()")
    shutil.rmtree(tmp_path)
    for worker in workers:
        worker("metrics.flush()")
    for worker in workers:
        assert worker.samples()["cache_hits_total"] == 2
        assert worker("metrics.cache_totals()") == "(2, 0)\n"


def test_worker_whose_slot_was_removed_takes_another(start_worker: StartWorker, tmp_path: Path) -> None:
    """Remove the files as a second service does that is started with the same folder."""
    old = start_worker()
    old("metrics.cache_hit()")
    old("metrics.flush()")
    prepare_metrics(Settings(prometheus_multiproc_dir=tmp_path))
    new = start_worker()
    new("metrics.cache_hit()")
    for worker in (old, new):
        worker("metrics.flush()")
    assert old.samples()["cache_hits_total"] == new.samples()["cache_hits_total"] == 2


@pytest.mark.parametrize("content", ["", "[]", "{}", "null", "7"])
def test_file_that_cannot_be_parsed_counts_nothing(start_worker: StartWorker, tmp_path: Path, content: str) -> None:
    worker = start_worker()
    worker("metrics.cache_hit()")
    (tmp_path / "worker_9.json").write_text(content)
    assert worker.samples()["cache_hits_total"] == 1


def test_folder_that_cannot_be_used(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Expect no sums, which would differ from worker to worker, and one warning."""
    caplog.set_level("INFO")
    (tmp_path / "file").touch()
    metrics = Metrics()
    metrics.start(Settings(prometheus_multiproc_dir=tmp_path / "file"))
    metrics.cache_hit()
    metrics.set_low_stock(3)
    assert samples(metrics.render()) == {"low_stock_products": 3}
    assert metrics.cache_totals() == (1, 0)
    assert caplog.text.count("/metrics is not up to date") == 1
    (tmp_path / "file").unlink()
    assert samples(metrics.render())["cache_hits_total"] == 1
    assert caplog.text.count("/metrics is up to date again") == 1
    metrics.stop()


def test_folder_that_is_locked_by_a_stopped_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start_worker: StartWorker
) -> None:
    monkeypatch.setattr("infrastructure.observability.metrics_store.LOCK_SECONDS", 0)
    metrics = Metrics()
    metrics.start(Settings(prometheus_multiproc_dir=tmp_path))
    metrics.cache_hit()
    with (tmp_path / "directory.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert samples(metrics.render()) == {}
        assert metrics.cache_totals() == (1, 0)
    assert samples(metrics.render())["cache_hits_total"] == 1
    metrics.stop()


def test_parent_starts_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    (tmp_path / "file").touch()
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr("tempfile._get_default_tempdir", lambda: (_ for _ in ()).throw(OSError(28, "No space")))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "file"))
    assert prepare_metrics(Settings()).parent == tmp_path / "file"


def test_exhausted_file_descriptors_are_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    metrics = Metrics()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    for _ in range(2):
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
        try:
            metrics._descriptors.check()
            metrics._descriptors.check()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        metrics._descriptors.check()
        metrics._descriptors.check()
    begin, end = "new connections are closed at once: Too many open files", "there are free file descriptors again"
    assert (caplog.text.count(begin), caplog.text.count(end)) == (2, 2)
    assert samples(metrics.render())["file_descriptors_exhausted_total"] == 2


def test_prepared_folder_is_empty_and_known_to_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    folder = tmp_path / "metrics"
    metrics, settings = Metrics(), Settings(prometheus_multiproc_dir=folder)
    assert prepare_metrics(settings) == folder
    assert os.environ["PROMETHEUS_MULTIPROC_DIR"] == str(folder)
    metrics.start(settings)
    metrics.stop()
    assert list(folder.glob("worker_*"))
    prepare_metrics(settings)
    assert not list(folder.glob("worker_*"))
