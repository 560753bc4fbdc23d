"""How pytest is called for what stands in the documentation."""

from __future__ import annotations

# Without plugins of this machine's own, one of which takes seconds to import.
PYTEST = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
