"""Builds a plugin from what its table and the environment say, naming what is wrong and where."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from telemetry_core.config import PluginOptions
from telemetry_core.converting import Anything, from_text, in_words, strict_converter
from telemetry_core.credentials import SecretReader
from telemetry_core.errors import ConfigError, CredentialError, TelemetryError
from telemetry_core.settings import Origin, extra_fields, keys_of, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from telemetry_core.clock import Clock
    from telemetry_core.config import TelemetryConfig
    from telemetry_core.credentials import Variable


class Site(NamedTuple):
    """Where a plugin is built: what its table is part of and what the core has to offer.

    :ivar offered: what a field of such a name gets unless the table says otherwise.
    """

    origin: Origin
    secrets: SecretReader
    offered: Mapping[str, object]

    @classmethod
    def of(
        cls,
        config: TelemetryConfig,
        name: str,
        clock: Clock,
        find_store: Callable[[], object] = lambda: None,
    ) -> Site:
        """Return where a configuration has the plugin of this name built."""
        folder = config.path.parent if config.path else Path()
        offered: dict[str, object] = {"base_dir": config.base_dir, "service": config.service}
        return cls(
            config.origin.at("plugins").at(name),
            SecretReader(config.environ, folder, confined=not config.trusted),
            {**offered, "clock": clock, "find_store": find_store},
        )


def build_plugin(cls: type, table: Mapping[str, Any], site: Site) -> object:
    """Return a plugin whose settings come from the environment, else its table, else the core.

    Raises `ConfigError` or `CredentialError` with the path of each wrong setting.
    """
    if not attrs.has(cls):
        if table:
            raise site.origin.error(f"{cls.__name__} takes no settings; it is no attrs class")
        return cls()
    _refuse_redirection(cls, table, site)
    names = settings_of(cls)
    variables = {name: found for name in names if (found := _variable(names[name], site))}
    offered = {name: value for name, value in site.offered.items() if name in names}
    complete = all(name in offered or _has_default(names[name]) for name in names)
    if complete and not table and not variables:  # the usual case: cattrs costs 40 ms to import
        return cls(**offered)
    _resolve_types(cls)
    return _structured(cls, table, offered, variables, site)


def check_field(cls: type, key: str, value: object, site: Site) -> None:
    """Raise what a plugin's class has against a value of one of its settings.

    :param site: its origin is that of the setting.
    """
    from cattrs import BaseValidationError, transform_error

    _resolve_types(cls)
    attribute = settings_of(cls)[key]
    wanted: Any = attribute.type or Any
    try:
        value = strict_converter(site.secrets).structure(value, wanted)
        if callable(attribute.converter):
            value = attribute.converter(value)
        if attribute.validator is not None:
            attribute.validator(None, attribute, value)
    except CredentialError as error:
        raise CredentialError(f"{site.origin.source}: {error}") from None
    except BaseValidationError as error:
        problems = transform_error(error, site.origin.path, _say)
        raise site.origin.error("; ".join(problems)) from None
    except (ValueError, TypeError) as error:
        raise site.origin.error(_say(error, None)) from None


def settings_of(cls: type) -> dict[str, attrs.Attribute[Any]]:
    """Return the fields of a plugin's class by the key they have in its table."""
    if not attrs.has(cls):
        return {}
    return {attribute.alias: attribute for attribute in attrs.fields(cls) if attribute.init}


def said_of(cls: type, key: str) -> str:
    """Say what a setting of a plugin takes."""
    _resolve_types(cls)
    return in_words(settings_of(cls)[key].type)


def _has_default(attribute: attrs.Attribute[Any]) -> bool:
    return attribute.default is not attrs.NOTHING


def _resolve_types(cls: type) -> None:
    """Resolve the types of a class's fields; one that only a type checker knows may be anything."""
    unknown: dict[str, Any] = {}
    while True:
        try:
            attrs.resolve_types(cls, localns=unknown)
        except NameError as error:
            if error.name is None or error.name in unknown:
                raise
            unknown[error.name] = Anything
        else:
            return


def _variable(attribute: attrs.Attribute[Any], site: Site) -> Variable | None:
    return site.secrets.environ.first(*attribute.metadata.get("env", ()))


def _refuse_redirection(cls: type, table: Mapping[str, Any], site: Site) -> None:
    """Keep a file that came with a directory from saying where the user's credentials go."""
    if not site.secrets.confined:
        return
    for attribute in attrs.fields(cls):
        if attribute.metadata.get("personal") and attribute.alias in table:
            remedy = " or ".join(attribute.metadata.get("env", ())) or "TELEMETRY_CONFIG"
            raise site.origin.at(attribute.alias).error(
                "a configuration found in the working directory may not say where credentials "
                f"from your home are sent; use {remedy}"
            )


def _structured(
    cls: type,
    table: Mapping[str, Any],
    offered: Mapping[str, object],
    variables: Mapping[str, Variable],
    site: Site,
) -> object:
    from cattrs import BaseValidationError, transform_error
    from cattrs.gen import make_dict_structure_fn, override

    hooks: dict[str, Callable[[Any, Any], object]] = {
        **dict.fromkeys(offered.keys() - table.keys(), lambda value, _: value),
        **dict.fromkeys(variables, _from_variable),
    }
    overrides: dict[str, Any] = {
        attribute.name: override(struct_hook=hooks[attribute.alias])
        for attribute in attrs.fields(cls)
        if attribute.alias in hooks
    }
    structure: Callable[[Any, type], object] = make_dict_structure_fn(
        cls,
        strict_converter(site.secrets),
        _cattrs_forbid_extra_keys=True,
        _cattrs_use_alias=True,
        _cattrs_detailed_validation=True,
        **overrides,
    )
    try:
        return structure({**offered, **table, **variables}, cls)
    except BaseValidationError as error:
        problems = "; ".join(transform_error(error, site.origin.path, _say))
        only_secrets = {type(leaf) for leaf in _leaves(error)} == {CredentialError}
        kind = CredentialError if only_secrets else ConfigError
        raise kind(f"{site.origin.source}: {problems}") from None


def _from_variable(variable: Variable, wanted: Any) -> object:
    try:
        return from_text(variable.text, wanted)
    except (TypeError, ValueError, OSError):
        problem = f"expected {in_words(wanted)}, not {shown(variable.text)}"
        raise Origin(variable.name).error(problem) from None


def _say(error: BaseException, wanted: Any) -> str:
    """Say what is wrong with one setting; what we or the plugin said stays as written."""
    from cattrs import ForbiddenExtraKeysError

    if isinstance(error, ForbiddenExtraKeysError):
        known = [*settings_of(error.cl), *keys_of(PluginOptions)]
        return extra_fields(sorted(error.extra_fields), known)
    if isinstance(error, (TelemetryError, ValueError)):
        return str(error)
    if isinstance(error, KeyError) and wanted is not None:
        return "required field missing"
    if wanted is not None:
        return f"expected {in_words(wanted)}"
    return f"{type(error).__name__}: {error}"


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
