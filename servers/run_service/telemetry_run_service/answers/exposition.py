"""The figures as text for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric
    from telemetry_sqlite import Totals

    from telemetry_run_service.service import Service

_MOST_AGENTS = 1000  # each is a time series in the memory of who collects them


class _Figures(Collector):
    """The figures of one moment."""

    def __init__(self, totals: Totals, service: Service) -> None:
        self._totals = totals
        self._service = service

    def collect(self) -> Iterator[Metric]:
        """Give each figure with its name and what it means."""
        totals, writer = self._totals, self._service.writer
        yield _gauge("telemetry_runs", "Runs stored", totals.total_runs)
        yield _gauge("telemetry_runs_recent_24h", "Runs created in 24 hours", totals.recent_24h)
        agents = GaugeMetricFamily(
            "telemetry_runs_by_agent", "Runs stored, by agent", labels=["agent_name"]
        )
        for name, count in [*totals.agents.items()][:_MOST_AGENTS]:
            agents.add_metric([name], count)
        yield agents
        yield _counter("telemetry_service_writes", "Writes committed", writer.units)
        yield _counter("telemetry_service_commits", "Transactions committed", writer.transactions)
        yield _gauge("telemetry_service_writes_waiting", "Writes waiting", writer.waiting)
        yield _gauge(
            "telemetry_service_reads_waiting", "Reads waiting", self._service.reader.waiting
        )
        yield _gauge(
            "telemetry_service_listeners", "Listeners of the stream", self._service.watch.listening
        )


def exposed(totals: Totals, service: Service, accept: str) -> tuple[bytes, str]:
    """Return the figures in the text form that is accepted, and its media type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(totals, service))
    encode, kind = choose_encoder(accept)
    return encode(registry), kind


def _gauge(name: str, says: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, says, value=value)


def _counter(name: str, says: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(name, says, value=value)
