"""What is said of every event: who sends it, on which system, by which Python."""

from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

NAME = "telemetry-posthog"

_SYSTEMS = {"linux": "Linux", "darwin": "Mac OS X", "win32": "Windows"}


def library() -> dict[str, Any]:
    """Return the name and the version of what sends."""
    try:
        return {"$lib": NAME, "$lib_version": version(NAME)}
    except PackageNotFoundError:  # copied into a program instead of installed
        return {"$lib": NAME}


def system() -> dict[str, Any]:
    """Return the system and the Python, under the names that PostHog gives them."""
    import platform

    known = {
        "$python_runtime": platform.python_implementation(),
        "$python_version": platform.python_version(),
        "$os": _SYSTEMS.get(sys.platform, sys.platform),
        "$os_version": platform.release(),
    }
    if sys.platform == "darwin":
        known["$os_version"] = platform.mac_ver()[0]
    elif sys.platform == "win32":
        known["$os_version"] = platform.win32_ver()[0]
    else:
        known |= _distribution()
    return {name: value for name, value in known.items() if value}


def _distribution() -> dict[str, str]:
    import platform

    try:
        said = platform.freedesktop_os_release()
    except OSError:
        return {}
    known = {"$os_distro": said.get("NAME", ""), "$os_version": said.get("VERSION_ID", "")}
    return {name: value for name, value in known.items() if value}
