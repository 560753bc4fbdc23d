"""What we say when a caller or a plugin is wrong: once a kind, then counted; or raised in tests."""

from __future__ import annotations

import logging
from collections import Counter

from telemetry_core.errors import TelemetryError

logger = logging.getLogger("telemetry_core")
logger.addHandler(logging.NullHandler())  # who wants to read of it adds one that writes


class Complaints:
    """Warns once per subject and kind and counts the rest; raises when the setting says so."""

    def __init__(self, on_error: str = "log") -> None:
        self.raises = on_error == "raise"
        self.counts: Counter[str] = Counter()

    def __call__(self, kind: str, message: str) -> None:
        """Complain of something that was mended or left out."""
        if self.raises:
            raise TelemetryError(message)
        self.counts[kind] += 1
        if self.counts[kind] == 1:
            logger.warning("%s (said once; further ones are counted)", message)

    def caught(self, where: str, error: BaseException) -> None:
        """Answer an exception that must not reach the program."""
        if self.raises:
            raise error
        self.counts[where] += 1
        if self.counts[where] == 1:
            logger.warning(
                "%s failed: %s: %s (said once; further ones are counted)",
                where,
                type(error).__name__,
                _words_of(error),
                exc_info=logger.isEnabledFor(logging.DEBUG),
            )


def _words_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "without words"
