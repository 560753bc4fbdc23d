"""How a shipper works."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class TelemetryShipperConfig:
    """How a shipper works; the names and the defaults are RAXE's."""

    endpoint: str = "https://api.raxe.ai/v1/telemetry"
    health_endpoint: str = "https://api.raxe.ai/v1/health"
    timeout_seconds: float = 30.0
    max_retries: int = 10
    retry_base_delay: float = 1.0
    max_batch_size: int = 100
    compression: bool = True
    dry_run: bool = False

    # Circuit breaker
    circuit_failure_threshold: int = 5
    circuit_recovery_timeout: float = 30.0
    circuit_half_open_max_calls: int = 2
