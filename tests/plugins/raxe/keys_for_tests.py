"""Keys of the right form that no service knows."""

from __future__ import annotations

LIVE = f"raxe_live_{'l' * 32}"
TEST = f"raxe_test_{'t' * 32}"
TEMP = f"raxe_temp_{'0' * 32}"
NFR = f"raxe_nfr_{'n' * 32}"
