"""Loggers that never raise: a handler or filter of the program's own may."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any


class QuietLogger(logging.LoggerAdapter[logging.Logger]):
    """Passes everything on to a logger, and what its handlers raise to nobody."""

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Log, if that is possible."""
        kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 1
        with suppress(Exception):
            super().log(level, msg, *args, **kwargs)


def get_logger(name: str) -> QuietLogger:
    """Return the logger of that name, as one that never raises."""
    return QuietLogger(logging.getLogger(name), {})
