"""What the service is told: every setting, its default, the variables it is read from, its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import Attribute, define, field, fields

from telemetry_core import ConfigError, Secret, SystemClock
from telemetry_run_service.settings.kinds import (
    ADDRESSES,
    FLAG,
    LINE,
    PATH,
    Kind,
    absolute,
    number,
    whole,
    word,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from telemetry_core import Clock

MIB = 1024 * 1024
_DAY = 86_400
_TOKENS = Kind("a text without blanks", str, lambda _: True)  # see _secrets


def _validate(_: object, attribute: Attribute[Any], value: Any) -> None:
    kind: Kind = attribute.metadata["kind"]
    if value is None and attribute.default is None:
        return
    if not kind.accepts(value):
        raise ConfigError(f"{attribute.name}: expected {kind.says}, not {value!r}")


def _setting(default: Any, kind: Kind, *variables: str) -> Any:
    """Return a field that is a setting, read from the first of these variables that is set."""
    return field(
        default=default, validator=_validate, metadata={"kind": kind, "variables": variables}
    )


def _secrets(tokens: Iterable[str | Secret]) -> tuple[Secret, ...]:
    """Return the tokens as secrets. An error names none of them."""
    secrets = tuple(map(Secret.of, tokens))
    for secret in secrets:
        text = secret.reveal()
        if not text or not text.isprintable() or len(text.split()) != 1:
            raise ConfigError(
                "auth_tokens: a token that is empty, or has a blank or a control character in it, "
                "can never be sent in a header; choose another one"
            )
    return secrets


@define(frozen=True, kw_only=True)
class ServiceSettings:
    """All that the service is told. A value that cannot be meant so raises `ConfigError`.

    :ivar db_path: the database; the only one without a default, see `reading.read_settings`.
    :ivar busy_timeout_ms: less than the reference's 30 s, which is longer than its own health check
        and clients wait for an answer.
    :ivar auth_reads: whether reading asks for a token too, as writing does with `auth_enabled`.
    :ivar forwarded_allow_ips: whose `X-Forwarded-For` is believed; nobody's by default.
    :ivar notes: what is to be said at the start: settings that are strange, or of no effect.
    """

    db_path: str = field(
        converter=absolute,
        validator=_validate,
        metadata={"kind": PATH, "variables": ("TELEMETRY_DB_PATH", "DATABASE_URL")},
    )
    host: str = _setting("127.0.0.1", LINE, "TELEMETRY_API_HOST")
    port: int = _setting(8765, whole(0, 65_535), "TELEMETRY_API_PORT")
    workers: int = _setting(1, whole(-(2**31), 2**31), "TELEMETRY_API_WORKERS")
    journal_mode: str = _setting(
        "DELETE",
        word("DELETE", "TRUNCATE", "PERSIST", "MEMORY", "WAL", "OFF"),
        "TELEMETRY_DB_JOURNAL_MODE",
    )
    synchronous: str = _setting(
        "FULL", word("OFF", "NORMAL", "FULL", "EXTRA"), "TELEMETRY_DB_SYNCHRONOUS"
    )
    busy_timeout_ms: int = _setting(5_000, whole(0, _DAY * 1000), "TELEMETRY_DB_BUSY_TIMEOUT_MS")
    connect_timeout_seconds: float = _setting(
        30.0, number(0, _DAY, above=True), "TELEMETRY_DB_CONNECT_TIMEOUT_SECONDS"
    )
    max_retries: int = _setting(3, whole(0, 1000), "TELEMETRY_DB_MAX_RETRIES")
    retry_base_delay_seconds: float = _setting(
        0.1, number(0, 3600), "TELEMETRY_DB_RETRY_BASE_DELAY_SECONDS"
    )
    lock_file: str | None = _setting(None, PATH, "TELEMETRY_LOCK_FILE")
    buffer_dir: str | None = _setting(None, PATH, "TELEMETRY_BUFFER_DIR")
    auth_enabled: bool = _setting(False, FLAG, "TELEMETRY_API_AUTH_ENABLED")
    auth_tokens: tuple[Secret, ...] = field(
        default=(),
        converter=_secrets,
        metadata={
            "kind": _TOKENS,
            "variables": ("TELEMETRY_API_AUTH_TOKEN", "TELEMETRY_API_AUTH_TOKEN_FILE"),
        },
    )
    auth_reads: bool = _setting(False, FLAG, "TELEMETRY_API_AUTH_READS")
    rate_limit_enabled: bool = _setting(False, FLAG, "TELEMETRY_RATE_LIMIT_ENABLED")
    rate_limit_rpm: int = _setting(60, whole(1, 1_000_000), "TELEMETRY_RATE_LIMIT_RPM")
    forwarded_allow_ips: tuple[str, ...] = _setting(
        (), ADDRESSES, "TELEMETRY_API_FORWARDED_ALLOW_IPS"
    )
    max_body_bytes: int = _setting(
        16 * MIB,
        whole(1024, 1024 * MIB),
        "TELEMETRY_API_MAX_BODY_BYTES",
        "TELEMETRY_MAX_PAYLOAD_BYTES",
    )
    max_batch: int = _setting(50_000, whole(1, 10_000_000), "TELEMETRY_API_MAX_BATCH")
    stop_timeout_seconds: float = _setting(
        30.0, number(0, 3600, above=True), "TELEMETRY_API_STOP_TIMEOUT_SECONDS"
    )
    log_level: str = _setting(
        "INFO",
        word("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
        "TELEMETRY_LOG_LEVEL",
        "LOG_LEVEL",
    )
    log_format: str = _setting("json", word("json", "text"), "TELEMETRY_LOG_FORMAT")
    log_share: float = _setting(1.0, number(0, 1), "TELEMETRY_SAMPLING_RATE")
    retention_days: int | None = _setting(None, whole(1, 36_500), "TELEMETRY_RETENTION_DAYS")
    retention_dry_run: bool = _setting(True, FLAG, "TELEMETRY_DRY_RUN_CLEANUP")
    clock: Clock = field(factory=SystemClock, repr=False, eq=False)
    notes: tuple[str, ...] = field(default=(), repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        """Refuse what would lose data or leave the service open."""
        if self.workers != 1:
            raise ConfigError(
                f"workers: this service runs as one process, not {self.workers}: a database has one "
                "writer, and one process answers thousands of requests a second; unset "
                "TELEMETRY_API_WORKERS"
            )
        if self.synchronous != "FULL":
            raise ConfigError(
                f"synchronous: with {self.synchronous} an answered request could be lost; unset "
                "TELEMETRY_DB_SYNCHRONOUS, or set it to FULL"
            )
        if self.auth_enabled and not self.auth_tokens:
            raise ConfigError(
                "auth_tokens: authentication is on, but there is no token; set "
                "TELEMETRY_API_AUTH_TOKEN or TELEMETRY_API_AUTH_TOKEN_FILE, or unset "
                "TELEMETRY_API_AUTH_ENABLED"
            )


def settings() -> dict[str, tuple[Kind, tuple[str, ...]]]:
    """Return the kind of each setting and the variables it is read from, by its name."""
    return {
        attribute.name: (attribute.metadata["kind"], attribute.metadata["variables"])
        for attribute in fields(ServiceSettings)
        if "kind" in attribute.metadata
    }
