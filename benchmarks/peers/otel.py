"""OpenTelemetry's logs, through the batch processor and the OTLP exporter over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers.contender import ALL_DELIVERED, Contender
from benchmarks.story import EVENT

if TYPE_CHECKING:
    from benchmarks.peers.contender import Properties

NAME = "OpenTelemetry logs"
REQUIREMENTS = ("opentelemetry-sdk==1.45.2", "opentelemetry-exporter-otlp-proto-http==1.45.2")


def begin(url: str, _directory: str, room: int | None) -> Contender:
    """Begin with a provider, a batch processor and an exporter."""
    from opentelemetry._logs import SeverityNumber
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

    provider = LoggerProvider()
    exporter = OTLPLogExporter(endpoint=f"{url}/v1/logs")
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter, max_queue_size=room))
    emit = provider.get_logger("crawler").emit
    level = SeverityNumber.INFO

    def tell(properties: Properties) -> None:
        emit(severity_number=level, body=EVENT, attributes=properties)

    def flush() -> None:
        provider.force_flush(int(ALL_DELIVERED * 1000))

    return Contender(tell, flush, provider.shutdown)
