"""Ours, of the shape of the other contenders: an installed plugin that sends, and the defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers import ours

if TYPE_CHECKING:
    from benchmarks.peers.contender import Contender

NAME = "**ours**"
REQUIREMENTS = ours.REQUIREMENTS


def begin(url: str, directory: str, _room: int | None) -> Contender:
    """Begin with the sink of the examples, chosen by name as any installed one."""
    plugins = {"webhook": {"url": url}}
    return ours.captured(ours.client_in(directory, active=("webhook",), plugins=plugins))
