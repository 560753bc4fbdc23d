"""What a program pays for: the sink and the client are imported without what speaks HTTP."""

from __future__ import annotations

import subprocess
import sys


def test_the_client_is_imported_without_what_speaks_http() -> None:
    code = (
        "import sys; from telemetry_hmac_ingest import HmacIngestSink, TelemetryKit;"
        " print(*{'httpx', 'rich', 'click', 'cattrs'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
