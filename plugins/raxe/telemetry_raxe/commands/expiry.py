"""What is said of a key that ends soon, the louder the sooner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry_raxe.addresses import keys_page
from telemetry_raxe.days import ago

if TYPE_CHECKING:
    from telemetry_raxe.credentials import Credentials

_STYLES = ((1, "red"), (3, "dark_orange"), (7, "yellow"))  # by the days that are left


def banner(credentials: Credentials) -> tuple[str, str] | None:
    """Return words and their style; nothing for a key that goes on for more than a week."""
    left = credentials.days_until_expiry()
    if left is None:
        return None
    way = f"get a permanent one at {keys_page()}, or with: telemetry auth login"
    if credentials.is_expired():
        since = credentials.days_since_expiry() or 0
        return f"The key expired {ago(since)}; {way}", "bold red"
    style = next((style for days, style in _STYLES if left <= days), None)
    if style is None:
        return None
    when = "within a day" if left <= 1 else f"in {left} days"
    return f"The key expires {when}; {way}", style
