"""Reads the body of a request: what is no JSON is told at once, what is wrong in it a little later."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from pydantic import BaseModel, TypeAdapter, ValidationError

from telemetry_core import tolerant
from telemetry_run_service.answers.answer import problem
from telemetry_run_service.answers.problems import (
    RefusedError,
    malformed,
    missing_body,
    problems_of,
    unprocessable,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_LIST = TypeAdapter(list[Any])


class InvalidError(RefusedError):
    """A body that is JSON, but not what the route takes: told after the gate was asked."""


class Body(Protocol):
    """How a route reads its body."""

    def read(self, raw: bytes, is_json: bool) -> Any:
        """Return what the body says.

        Raises `InvalidError`, and another `RefusedError` for what is no JSON.

        :param is_json: whether the request says that it is, or says nothing.
        """


class OneModel:
    """Reads a body that is one object."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model

    def read(self, raw: bytes, is_json: bool) -> BaseModel:
        """Return the object as a model."""
        if not raw:
            raise InvalidError(missing_body())
        try:
            if is_json:
                return self._model.model_validate_json(raw)
            return self._model.model_validate(raw.decode("utf-8", "replace"))
        except ValidationError as error:
            if not says_malformed(error):
                raise invalid(error) from None
        value = lenient(raw)
        try:
            return self._model.model_validate(value)
        except ValidationError as error:
            raise invalid(error) from None


class Rows:
    """A body that is a list, or an object with a list under one name; its rows are read one by one.

    :param name: the name in the object.
    :param bare: whether the list may come without the object.
    :param most: how many rows there may be.
    """

    def __init__(self, name: str, most: int, *, bare: bool) -> None:
        self._name = name
        self._bare = bare
        self._most = most
        self._read_wrapped = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
        self._read_bare = msgspec.json.Decoder(list[msgspec.Raw]).decode

    def split(self, raw: bytes, is_json: bool) -> tuple[Sequence[Any], bool]:
        """Return the rows, each JSON or a plain value, and whether they were wrapped."""
        if not raw:
            raise InvalidError(missing_body())
        if not is_json:
            raise self._no_list(raw.decode("utf-8", "replace"), "body")
        rows, wrapped = self._quickly(raw) or self._plainly(lenient(raw))
        if len(rows) > self._most:
            detail = f"Too many rows: {len(rows)}. Max {self._most} a request."
            raise InvalidError(problem(413, detail))
        return rows, wrapped

    def _quickly(self, raw: bytes) -> tuple[list[bytes], bool] | None:
        """Return the rows as they stand, or nothing when that is not possible."""
        wrapped = not self._bare or raw.lstrip(b" \t\r\n")[:1] == b"{"
        try:
            rows = self._read_bare(self._read_wrapped(raw)[self._name] if wrapped else raw)
        except (msgspec.MsgspecError, KeyError, ValueError, RecursionError):
            return None
        return [bytes(row) for row in rows], wrapped

    def _plainly(self, value: Any) -> tuple[list[Any], bool]:
        if self._bare and isinstance(value, list):
            return value, False
        if not isinstance(value, dict):
            raise self._no_list(value, "body")
        if self._name not in value:
            raise InvalidError(missing_body("body", self._name, found=value))
        if not isinstance(value[self._name], list):
            raise self._no_list(value[self._name], "body", self._name)
        return value[self._name], True

    @staticmethod
    def _no_list(value: object, *where: str) -> InvalidError:
        try:
            _LIST.validate_python(value)
        except ValidationError as error:
            return invalid(error, *where)
        return InvalidError(missing_body(*where))


def invalid(error: ValidationError, *where: str) -> InvalidError:
    """Return what is to be raised for a body with these problems."""
    return InvalidError(unprocessable(problems_of(error, *(where or ("body",)))))


def says_malformed(error: ValidationError) -> bool:
    """Say whether it is not the content that is wrong, but the JSON."""
    return error.error_count() == 1 and error.errors()[0]["type"] == "json_invalid"


def lenient(raw: bytes) -> Any:
    """Return what Python takes for JSON, in values that can be stored.

    NaN becomes null, half surrogates are written out, and what is nested too deep is cut. Raises
    the answer 422 for anything else.
    """
    try:
        return tolerant(json.loads(raw))
    except json.JSONDecodeError as error:
        raise RefusedError(malformed(error.pos, error.msg)) from None
    except UnicodeDecodeError as error:
        raise RefusedError(malformed(error.start, "the body is not UTF-8")) from None
    except RecursionError:
        raise RefusedError(malformed(0, "the body is nested too deep")) from None
    except ValueError as error:  # a number with thousands of digits
        raise RefusedError(malformed(0, str(error).partition(";")[0])) from None
