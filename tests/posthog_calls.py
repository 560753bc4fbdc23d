"""Programs that speak to PostHog as its SDK's users do, for any client that has the SDK's methods."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable

OTHER = UUID("0190a0a0-0000-7000-8000-000000000002")
CHOSEN = "0190a0a0-0000-7000-8000-000000000001"
MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


@dataclass
class Cart:
    items: int


def capture(client: Any) -> None:
    client.capture("signed_up", distinct_id="ada", properties={"plan": "pro", "cents": 350})


def capture_with_all(client: Any) -> None:
    client.capture(
        "signed_up",
        distinct_id="ada",
        properties={"$set": {"plan": "pro"}},
        timestamp=MOMENT,
        uuid=CHOSEN,
        groups={"company": "acme"},
    )


def capture_without_id(client: Any) -> None:
    client.capture("looked")


def capture_for_an_id_that_is_no_text(client: Any) -> None:
    client.capture("looked", distinct_id=23)
    client.capture("looked", distinct_id=OTHER)


def capture_values(client: Any) -> None:
    values = {
        "decimal": Decimal("1.5"),
        "uuid": OTHER,
        "set": {1},
        "tuple": (1, "a"),
        "deque": deque([1]),
        "bytes": b"caf\xc3\xa9",
        "datetime": MOMENT,
        "date": date(2026, 1, 2),
        "dataclass": Cart(2),
        "key": {1: "one"},
        "nan": float("nan"),
        "infinity": float("inf"),
        "object": object(),
        "nothing": None,
    }
    client.capture("valued", distinct_id="ada", properties=values)


def set_properties(client: Any) -> None:
    client.set(distinct_id="ada", properties={"plan": "pro"})


def set_properties_once(client: Any) -> None:
    client.set_once(distinct_id="ada", properties={"first_seen": "today"})


def alias(client: Any) -> None:
    client.alias("anonymous-7", "ada")


def identify_a_group(client: Any) -> None:
    client.group_identify("company", "acme", {"seats": 5}, distinct_id="ada")


def identify_a_group_without_id(client: Any) -> None:
    client.group_identify("company", "acme", {"seats": 5})


def _fail() -> None:
    raise ValueError("the purse is empty")


def exception(client: Any) -> None:
    try:
        _fail()
    except ValueError as error:
        client.capture_exception(error, distinct_id="ada", properties={"order": 7})


def exception_with_cause(client: Any) -> None:
    try:
        try:
            _fail()
        except ValueError as error:
            raise RuntimeError("cannot pay") from error
    except RuntimeError as error:
        client.capture_exception(error, distinct_id="ada")


def exception_while_handling_another(client: Any) -> None:
    try:
        try:
            _fail()
        except ValueError:
            raise KeyError("order")  # noqa: B904 - this is what it is about
    except KeyError as error:
        client.capture_exception(error, distinct_id="ada")


def exception_group(client: Any) -> None:
    try:
        raise ExceptionGroup("both", [ValueError("one"), OSError(2, "No such file")])
    except ExceptionGroup as error:
        client.capture_exception(error, distinct_id="ada")


def exception_never_raised(client: Any) -> None:
    client.capture_exception(ValueError("never raised"), distinct_id="ada")


def exception_twice(client: Any) -> None:
    try:
        _fail()
    except ValueError as error:
        client.capture_exception(error, distinct_id="ada")
        client.capture_exception(error, distinct_id="ada")


CALLS: dict[str, Callable[[Any], None]] = {
    call.__name__: call
    for call in (
        capture,
        capture_with_all,
        capture_without_id,
        capture_for_an_id_that_is_no_text,
        capture_values,
        set_properties,
        set_properties_once,
        alias,
        identify_a_group,
        identify_a_group_without_id,
        exception,
        exception_with_cause,
        exception_while_handling_another,
        exception_group,
        exception_never_raised,
        exception_twice,
    )
}
