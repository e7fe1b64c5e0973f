"""Behaviour of prometheus_client that the metrics rely on and that its documentation does not promise.

Run it after every change of the pinned version.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from infrastructure.observability.metrics import Metrics
from infrastructure.observability.metrics_export import CONTENT_TYPE
from tests.infrastructure.pins import assert_pinned
from tests.servers import ROOT


class OneFamily(Collector):
    """Collector that no registry knows."""

    def __init__(self, family: Metric) -> None:
        self.family = family

    def collect(self) -> Iterator[Metric]:
        yield self.family


def render(family: Metric) -> list[str]:
    return generate_latest(OneFamily(family)).decode().splitlines()


def test_installed_version_is_the_pinned_one() -> None:
    assert_pinned("prometheus-client")


def test_content_type_is_that_of_the_text_format() -> None:
    assert CONTENT_TYPE == "text/plain; version=0.0.4; charset=utf-8"


def test_counters_have_their_full_name_and_no_creation_time() -> None:
    assert render(CounterMetricFamily("cache_hits_total", "Hits.", 7)) == [
        "# HELP cache_hits_total Hits.",
        "# TYPE cache_hits_total counter",
        "cache_hits_total 7.0",
    ]


def test_families_without_samples_are_declared() -> None:
    """Alerts can then tell a missing exporter from a quiet one."""
    declared = ["# HELP errors_total Errors.", "# TYPE errors_total counter"]
    assert render(CounterMetricFamily("errors_total", "Errors.", labels=("route",))) == declared


def test_histograms_take_cumulative_buckets_and_count_by_the_last() -> None:
    family = HistogramMetricFamily("seconds", "Time.", labels=("route",))
    family.add_metric(("/products",), [("0.1", 2), ("+Inf", 3)], 0.75)
    assert render(family)[2:] == [
        'seconds_bucket{le="0.1",route="/products"} 2.0',
        'seconds_bucket{le="+Inf",route="/products"} 3.0',
        'seconds_count{route="/products"} 3.0',
        'seconds_sum{route="/products"} 0.75',
    ]


@pytest.mark.parametrize("value", ["/products/{id_key}", 'a "quoted" \\ value', "two\nlines", "ü"])
def test_labels_survive_a_round_trip(value: str) -> None:
    family = GaugeMetricFamily("size", "Size.", labels=("route",))
    family.add_metric((value,), 1)
    [parsed] = text_string_to_metric_families("\n".join(render(family)) + "\n")
    assert [sample.labels for sample in parsed.samples] == [{"route": value}]


def test_large_counters_keep_their_digits() -> None:
    assert render(CounterMetricFamily("hits_total", "Hits.", 2**53 - 1))[-1] == "hits_total 9.007199254740991e+15"
    [parsed] = text_string_to_metric_families("hits_total 9.007199254740991e+15\n")
    assert parsed.samples[0].value == 2**53 - 1


def test_rendering_touches_no_default_registry() -> None:
    """Expect no series of the process, which the default registry would add."""
    assert b"python_info" not in Metrics().render()


def run(program: str, folder: Path) -> None:
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, check=True, timeout=60)


def test_the_folder_holds_no_files_of_the_library(tmp_path: Path) -> None:
    """Set PROMETHEUS_MULTIPROC_DIR, which also turns on the library's own multiprocess mode."""
    program = "from infrastructure.observability.metrics import metrics; from config.settings import Settings; "
    run(program + "metrics.start(Settings()); metrics.cache_hit(); metrics.render(); metrics.stop()", tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"directory.lock", "worker_0.json", "worker_0.lock"}


COUNT = "from prometheus_client import Counter; Counter('hits', 'Hits.').inc()"


def test_the_library_s_own_mode_leaves_a_sparse_file_for_each_process(tmp_path: Path) -> None:
    """Show both reasons for our own files.

    Recycled workers would add files for ever. A write to a hole of a mapped file kills the worker on a full disk.
    """
    for _ in range(3):
        run(COUNT, tmp_path)
    files = list(tmp_path.glob("counter_*.db"))
    assert len(files) == 3
    assert all(file.stat().st_blocks * 512 < file.stat().st_size for file in files)
