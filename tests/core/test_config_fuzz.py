"""Any file and any environment give a configuration or a `ConfigError`, and nothing else."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st

from telemetry_core.config import DeliverySettings, TelemetryConfig, load_config
from telemetry_core.errors import ConfigError

values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.sampled_from(["sqlite", "ndjson", "always", "raise", "../x", "10", "mock", "~", "~x/y"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner),
    max_leaves=6,
)
keys = st.sampled_from(
    [
        *(attribute.name for attribute in attrs.fields(TelemetryConfig)),
        *(attribute.name for attribute in attrs.fields(DeliverySettings)),
        *("redact", "sqlite", "plugin", "only", "except"),
    ]
)
tables = st.dictionaries(
    keys, values | st.dictionaries(keys, values | st.dictionaries(keys, values))
)


def toml(value: object) -> str:
    match value:
        case None:
            return "1979-05-27T07:32:00Z"
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)} = {toml(value[key])}" for key in value) + "}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
        case float():
            return repr(value)
    return json.dumps(value)


def tried(data: bytes, **environ: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "telemetry.toml"
        path.write_bytes(data)
        try:
            config = load_config(path, environ=environ)
        except ConfigError as error:
            told = str(error)
            assert str(path) in told or any(variable in told for variable in environ)
        else:
            assert config.base_dir.is_absolute()
            assert config.validate() is not None


@given(tables)
def test_any_table_gives_a_configuration_or_a_config_error(table: dict[str, Any]) -> None:
    tried("\n".join(f"{json.dumps(key)} = {toml(table[key])}" for key in table).encode())


@given(
    st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "ignore"))
)
def test_any_bytes_give_a_configuration_or_a_config_error(data: bytes) -> None:
    tried(data)


@given(st.dictionaries(keys, st.text(st.characters(exclude_characters="\0"))))
def test_any_environment_gives_a_configuration_or_a_config_error(texts: dict[str, str]) -> None:
    tried(b"", **{f"TELEMETRY_{name.upper()}": text for name, text in texts.items()})
