"""How work that takes long says how far it is."""

from __future__ import annotations

from collections.abc import Callable

Shown = Callable[[int, int], object]  # is told how much is done, and how much there is
