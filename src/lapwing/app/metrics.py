"""The status as Prometheus reads it: few names, and labels only of what the configuration or the networks bound."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prometheus_client.core import CollectorRegistry, CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from lapwing.hearing import STATES
from lapwing.ledger.sqlite.accounting import OUTCOMES

SOURCES_MAX = 100
"""More sources than this are added up under the name `others`."""


class _Standing(Collector):
    """One status, as families of metrics."""

    def __init__(self, status: dict[str, Any]) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        yield from _records(self._status)
        yield from _numbers(self._status)
        yield from _processes(self._status)
        yield from _sources(self._status)


def exposition(status: dict[str, Any]) -> bytes:
    """The text that `/metrics` gives (Prometheus exposition format 0.0.4)."""
    registry = CollectorRegistry()
    registry.register(_Standing(status))
    return generate_latest(registry)


def _records(status: dict[str, Any]) -> Iterator[Metric]:
    """What became of records, by source; the busiest have a name."""
    family = CounterMetricFamily("lapwing_records", "Records by what became of them.", labels=["source", "outcome"])
    ranked = sorted(status["sources"], key=lambda source: -source["received"])
    named = ranked[:SOURCES_MAX]
    for outcome in OUTCOMES:
        for source in named:
            family.add_metric([source["name"], outcome], source[outcome])
        if len(ranked) > SOURCES_MAX:
            family.add_metric(["others", outcome], sum(source[outcome] for source in ranked[SOURCES_MAX:]))
    yield family


def _numbers(status: dict[str, Any]) -> Iterator[Metric]:
    disk, latency, gone = status["disk"], status["latency"], status["delete_propagation"]["p99_s"]
    for name, meaning, value in (
        ("lapwing_lag_records", "Records in the log that wait for a worker.", status["lag_records"]),
        ("lapwing_posts", "Posts that stand.", status["posts"]["standing"]),
        ("lapwing_commit", "The number of the newest commit.", status["commit"]),
        ("lapwing_dead_letters", "Refused records that wait to be mended.", status["dead_letters"]),
        ("lapwing_latency_p50_seconds", "From received to saved, median of the posts saved last.", latency["p50_s"]),
        ("lapwing_latency_p99_seconds", "The same, 99th percentile.", latency["p99_s"]),
        ("lapwing_delete_propagation_p99_seconds", "From deleted to gone here, 99th percentile, newest deletes.", gone),
        ("lapwing_log_bytes", "Bytes of the log on the disk.", status["bytes"]["log"]),
        ("lapwing_ledger_bytes", "Bytes of the ledger on the disk.", status["bytes"]["ledger"]),
        ("lapwing_disk_free_bytes", "Bytes free where the data lies.", disk["free_bytes"]),
        ("lapwing_disk_used_ratio", "How full the disk is, 0 to 1.", disk["used_share"]),
        ("lapwing_disk_days_until_full", "At the growth of the last days.", disk["days_until_full"]),
    ):
        if value is not None:
            yield GaugeMetricFamily(name, meaning, value=value)


def _processes(status: dict[str, Any]) -> Iterator[Metric]:
    cpu = CounterMetricFamily("lapwing_process_cpu_seconds", "CPU that a process took.", labels=["process"])
    memory = GaugeMetricFamily("lapwing_process_resident_bytes", "Memory that a process holds.", labels=["process"])
    for process in status["processes"]:
        cpu.add_metric([process["name"]], process["cpu_s"])
        memory.add_metric([process["name"]], process["rss_bytes"])
    yield cpu
    yield memory


def _sources(status: dict[str, Any]) -> Iterator[Metric]:
    """How the sources are: a 1 beside the state that each is in, how often it broke, and how it was heard lately.

    A source that is configured no longer has no line; what it brought stays among the records.
    """
    state = GaugeMetricFamily("lapwing_source_state", "1 for the state it is in.", labels=["source", "state"])
    breaks = CounterMetricFamily("lapwing_source_disconnects", "How often it broke.", labels=["source"])
    heard = GaugeMetricFamily("lapwing_source_heard_ratio", "Share of the last hour that was heard.", labels=["source"])
    for source in [each for each in status["listening"] if each["configured"] is not False][:SOURCES_MAX]:
        for each in STATES:
            state.add_metric([source["name"], each], float(source["state"] == each))
        breaks.add_metric([source["name"]], source.get("disconnects", 0))
    for source in status["sources"][:SOURCES_MAX]:
        if source["on_duty"] and source["heard_last_hour"] is not None:
            heard.add_metric([source["name"]], source["heard_last_hour"])
    yield state
    yield breaks
    yield heard
