"""Who has the sink but records nothing yet pays for nothing it needs later."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("httpx", "rich", "click", "sqlite3", "cattrs", "gzip", "uuid")


def test_the_sink_imports_nothing_heavy() -> None:
    code = f"""
import sys
before = set(sys.modules)
from telemetry_posthog import PostHogSink
print(*set({HEAVY!r}) & (set(sys.modules) - before))
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == []
