"""What the whole suite shares: pytest's own fixture for testing plugins of pytest."""

from __future__ import annotations

pytest_plugins = ["pytester"]
