"""Ours with the posthog sink, beside PostHog's own client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.peers import ours

if TYPE_CHECKING:
    from benchmarks.peers.contender import Contender

NAME = "**ours**, the posthog sink"
REQUIREMENTS = ours.REQUIREMENTS


def begin(url: str, directory: str, _room: int | None) -> Contender:
    """Begin with a project key and a host."""
    from telemetry_posthog import PostHogSink

    sink = PostHogSink(api_key="phc_benchmark", host=url, state_dir=ours.base_of(directory))
    return ours.captured(ours.client_in(directory, sink))
