"""Values that JSON has no word for go out as PostHog's own SDK sends them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from attrs import define
from telemetry_posthog import plain


@define
class Plan:
    name: str = "pro"
    price: Decimal = Decimal(1)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (Decimal("1.5"), 1.5),
        (UUID(int=7), str(UUID(int=7))),
        ({"a"}, ["a"]),
        ((1, 2), [1, 2]),
        (b"text", "text"),
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00+00:00"),
        ({1: 2}, {"1": 2}),
        ({"price": Decimal(2), "in": [b"x"]}, {"price": 2.0, "in": ["x"]}),
        (Path("/a"), "/a"),
    ],
)
def test_a_value_is_sent_so(value: Any, sent: Any) -> None:
    assert plain(value) == sent


def test_what_is_plain_is_not_copied() -> None:
    value = {"a": 1, "b": "text", "c": None}
    assert plain(value) is value


def test_an_object_is_its_fields() -> None:
    assert plain({"plan": Plan()})["plan"]["name"] == "pro"


@pytest.mark.parametrize("levels", [90, 129, 5_000])
def test_what_is_deeply_nested_ends(levels: int) -> None:
    value: Any = Decimal(1)
    for _ in range(levels):
        value = {"in": value}
    assert len(json.dumps(plain({"value": value}))) < 100_000


def test_what_refers_to_itself_ends() -> None:
    value: dict[str, Any] = {}
    value["self"] = value
    assert "self" in plain(value)
